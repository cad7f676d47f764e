/* data_folder: where the tests of `make test-data` find what `make data` brought.
 *
 *     const char *cola = data_folder("cola", "cola/cola_public");   // NULL: said so
 *     if (cola) tcase_add_test(tcase, published_counts);
 *
 * TAMRIN_DATA names the folder. A suite without its data is empty and passes.
 */
#ifndef TESTS_UNIT_DATA_FOLDER_H
#define TESTS_UNIT_DATA_FOLDER_H

/* `path` under TAMRIN_DATA where it can be read, else NULL and one line on stderr that says which
 * `suite` is not run. Owned here; eight are kept at a time. */
const char *data_folder(const char *suite, const char *path);

#endif
