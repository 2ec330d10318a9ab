/* A table in plain text: columns as wide as their widest cell. */
#ifndef BILGE_CLI_TABLE_H
#define BILGE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table_column {
    const char *title; /* NULL ends the list */
    bool right;        /* aligned: numbers */
};

struct table;

/* `columns` is borrowed for the table's life. */
struct table *table_new(const struct table_column *columns);
void table_free(struct table *table);

/* The next cell, row by row. Text of any origin: it is made safe to show. NULL
 * and "" show as "-". */
void table_text(struct table *table, const char *text);
void table_size(struct table *table, int64_t bytes);
void table_count(struct table *table, uint64_t number);
/* The time from `at` to `now`; "-" when at is 0. */
void table_age(struct table *table, int64_t at, int64_t now);

/* Lines wider than `columns` are cut; 0: never. */
void table_print(const struct table *table, size_t columns, FILE *out);

/* How wide the terminal behind `out` is; 0 when it is none. */
size_t table_terminal_columns(FILE *out);

#endif
