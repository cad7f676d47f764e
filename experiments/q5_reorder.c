/* q5_reorder: trains and measures the word orderer of question 5, orders
 * words with it, or counts what readers said of its answers. */
#include "q5_reorder.h"
#include "q5_judged.h"

#include <string.h>

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "order") == 0) return q5_reorder_order(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "judged") == 0) return q5_judged_run(argc, argv);
    return q5_reorder_run(argc, argv);
}
