/* Directory trees to measure on. */
#ifndef BILGE_TESTS_BENCH_TREES_H
#define BILGE_TESTS_BENCH_TREES_H

#include <stddef.h>

/* All make dir/…, with all directories on the way. */

/* A cache of that many small blobs in generations, as rebuilds leave them. */
void tree_cache(const char *dir, size_t blobs);
/* That many empty files, so many in a directory, six directories in each. */
void tree_nested(const char *dir, size_t files, size_t per_directory);
/* That many empty files in one directory, named as blobs are. */
void tree_flat(const char *dir, size_t files);

/* Wall and processor seconds of a child that runs the arguments, and its peak
 * memory; output is thrown away. */
struct cost {
    double wall_s, cpu_s;
    long peak_kib;
};
struct cost cost_of(const char *const *argv);
/* Medians, each by itself. Sorts. */
struct cost cost_median(struct cost *costs, size_t len);

#endif
