/* Question 6: an encoder fine-tuned on CoLA. Follow q6_run() down: the data (q6_cola_data), one
 * training (q6_cola_train, the loop in src/train), tables and facts (q6_cola_report). */
#include "q6_cola.h"

#include <string.h>

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "classify") == 0) return q6_classify(argc - 1, argv + 1);
    return q6_run(argc, argv);
}
