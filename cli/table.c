#include "cli/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#define GAP 2

struct table {
    const struct table_column *columns;
    size_t columns_len;
    char **cells; /* row by row, the titles first; clean */
    size_t cells_len, cells_cap;
};

static void add(struct table *table, char *clean)
{
    mem_reserve((void **)&table->cells, &table->cells_cap, table->cells_len + 1,
                sizeof *table->cells);
    table->cells[table->cells_len++] = clean;
}

struct table *table_new(const struct table_column *columns)
{
    struct table *table = mem_zalloc(sizeof *table);
    table->columns = columns;
    for (; columns->title != NULL; columns++) {
        add(table, mem_strdup(columns->title));
        table->columns_len++;
    }
    return table;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cells_len; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

void table_text(struct table *table, const char *text)
{
    struct buf clean = {0};
    if (text == NULL || *text == '\0')
        text = "-";
    text_clean_name(&clean, text);
    add(table, buf_take(&clean));
}

void table_size(struct table *table, int64_t bytes)
{
    char text[TEXT_SIZE_SIZE];
    add(table, mem_strdup(text_size(text, bytes)));
}

void table_count(struct table *table, uint64_t number)
{
    add(table, mem_printf("%" PRIu64, number));
}

void table_age(struct table *table, int64_t at, int64_t now)
{
    char text[TEXT_AGE_SIZE];
    add(table, mem_strdup(at == 0 ? "-" : text_age(text, (now - at) / CLOCK_SECOND)));
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t widest = 0;
    for (size_t i = column; i < table->cells_len; i += table->columns_len) {
        size_t width = text_width(table->cells[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void print_row(const struct table *table, const size_t *widths, char *const *cells,
                      size_t columns, FILE *out)
{
    struct buf line = {0};
    for (size_t i = 0; i < table->columns_len; i++) {
        int pad = (int)(widths[i] - text_width(cells[i]));
        int gap = i > 0 ? GAP : 0;
        buf_printf(&line, "%*s%s", table->columns[i].right ? gap + pad : gap, "", cells[i]);
        if (!table->columns[i].right && i + 1 < table->columns_len)
            buf_printf(&line, "%*s", pad, "");
    }
    size_t len = columns > 0 ? text_fit(line.data, columns, NULL) : line.len;
    while (len > 0 && line.data[len - 1] == ' ')
        len--;
    fprintf(out, "%.*s\n", (int)len, line.data);
    buf_done(&line);
}

void table_print(const struct table *table, size_t columns, FILE *out)
{
    assert(table->cells_len % table->columns_len == 0);
    size_t *widths = mem_alloc(table->columns_len * sizeof *widths);
    for (size_t i = 0; i < table->columns_len; i++)
        widths[i] = column_width(table, i);
    for (size_t i = 0; i < table->cells_len; i += table->columns_len)
        print_row(table, widths, table->cells + i, columns, out);
    free(widths);
}

size_t table_terminal_columns(FILE *out)
{
    struct winsize size;
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
