/* q5_reorder: trains and measures the word orderer of question 5, or orders
 * words with it. */
#include "q5_reorder.h"

#include <string.h>

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "order") == 0) return q5_reorder_order(argc - 1, argv + 1);
    return q5_reorder_run(argc, argv);
}
