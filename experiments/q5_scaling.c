/* q5_scaling: word ordering against the number of training sentences and against training time
 * (assignment, question 5). Its parts: experiments/q5_scaling.h. */
#include "q5_scaling.h"

int main(int argc, char **argv) {
    return scaling_main(argc, argv);
}
