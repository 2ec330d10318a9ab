/* The build cache pane: the records of one builder. */
#include "tui/main/pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/store/description.h"
#include "tui/kit/format.h"
#include "tui/kit/table.h"
#include "tui/screens.h"

enum { GUESS_COLS = 2 }; /* " ?" */

enum column { TYPE, SIZE, USED, USES, FLAGS, SERVICE, DESCRIPTION };

static const struct table_column columns[] = {
    [TYPE] = {"TYPE", 7, 14, false, 0},
    [SIZE] = {"SIZE", 7, 0, true, 0},
    [USED] = {"LAST USED", 9, 0, false, 46},
    [USES] = {"USES", 4, 0, true, 60},
    [FLAGS] = {"STATE", 6, 0, false, 90},
    [SERVICE] = {"SERVICE", 7, 20, false, 76},
    [DESCRIPTION] = {"DESCRIPTION", 12, 1000, false, 0},
};

enum sort { BY_SIZE, BY_USED, BY_USES, BY_SERVICE, BY_TYPE, BY_DESCRIPTION };
static const struct list_order sorts[] = {
    [BY_SIZE] = {"size", true},  [BY_USED] = {"last used", true},
    [BY_USES] = {"uses", true},  [BY_SERVICE] = {"service", false},
    [BY_TYPE] = {"type", false}, [BY_DESCRIPTION] = {"description", false},
};
enum { SORTS = sizeof sorts / sizeof sorts[0] };

struct pane_records {
    struct pane base;
    struct list list;
    char *builder; /* id of the one shown; NULL: the selected one */
    struct made {
        const void *items, *owners; /* to be compared, not to be used */
        const void *texts;
        int64_t at;
        uint64_t mark;
    } made;                          /* what the rows were made of */
    int longest_type, longest_owner; /* columns */
};

static const struct builder *builder_of(const struct pane_records *pane)
{
    const struct store *store = app_store(pane->base.app);
    const struct builder *builder = NULL;
    if (pane->builder != NULL)
        builder = store_builder(store, pane->builder);
    return builder != NULL ? builder : store_selected_builder(store);
}

/* The engine says "exec.cachemount" where there is little room. */
static const char *short_type(const char *type)
{
    return strncmp(type, "exec.", 5) == 0 ? type + 5 : type;
}

static int64_t sort_number(const struct record *record, size_t sort)
{
    switch ((enum sort)sort) {
    case BY_SIZE:
        return record->size_bytes;
    case BY_USED:
        return record->last_used_at;
    case BY_USES:
        return record->usage_count;
    case BY_SERVICE:
    case BY_TYPE:
    case BY_DESCRIPTION:
        break;
    }
    return 0;
}

/* NULL while owners are being worked out. */
static const struct owner *owner_of(const struct builder *builder, size_t index)
{
    return index < builder->owners.len ? &builder->owners.items[index] : NULL;
}

static const char *owner_name(const struct owner *owner)
{
    const char *name = NULL;
    if (owner != NULL)
        name = owner->service != NULL ? owner->service : owner->several;
    return name != NULL ? name : "";
}

/* `text`: to sort by. */
static void add_row(struct pane_records *pane, const struct builder *builder, size_t index,
                    bool shown, const char *text)
{
    const struct record *record = &builder->records.items[index];
    const struct owner *known = owner_of(builder, index);
    pane->longest_type = list_longer(pane->longest_type, short_type(record->type));
    int owner_cols =
        list_longer(0, owner_name(known)) + (known != NULL && known->guess ? GUESS_COLS : 0);
    if (owner_cols > pane->longest_owner)
        pane->longest_owner = owner_cols;
    list_add(&pane->list, record->id, index, shown, sort_number(record, pane->list.sort), text);
}

/* The texts of the column that is sorted by: those that this makes are put into
 * `made`, which lives as long as the list needs them. */
static const char *sort_text(const struct pane_records *pane, const struct builder *builder,
                             size_t index, char **made)
{
    const struct record *record = &builder->records.items[index];
    if (pane->list.sort == BY_TYPE)
        return short_type(record->type);
    if (pane->list.sort == BY_SERVICE)
        return owner_name(owner_of(builder, index));
    if (pane->list.sort != BY_DESCRIPTION)
        return record->description;
    made[index] = record_summary(app_store(pane->base.app), record);
    return made[index];
}

static void add_rows(struct pane_records *pane, const struct builder *builder)
{
    const struct store *store = app_store(pane->base.app);
    size_t len = builder != NULL ? builder->records.len : 0;
    char **made = mem_zalloc((len + 1) * sizeof *made);
    struct pane_filter filter;
    pane_filter_init(&filter, &pane->list, app_now(pane->base.app));
    list_begin(&pane->list);
    for (size_t i = 0; i < len; i++) {
        bool shown = query_match_id(&filter.match, builder->records.items[i].id) &&
                     query_match_owner(&filter.match, store, builder, i) &&
                     query_match_record(&filter.match, store, builder, i);
        add_row(pane, builder, i, shown, sort_text(pane, builder, i, made));
    }
    list_end(&pane->list);
    pane_filter_done(&filter);
    for (size_t i = 0; i < len; i++)
        free(made[i]);
    free(made);
}

/* Is what the rows were made of still what there is? */
static bool has_moved(struct pane_records *pane, const struct builder *builder)
{
    struct made made = {0};
    if (builder != NULL)
        made = (struct made){builder->records.items, builder->owners.items,
                             app_store(pane->base.app)->layer_texts, builder->refreshed_at,
                             builder->owners_mark};
    bool moved = made.items != pane->made.items || made.owners != pane->made.owners ||
                 made.texts != pane->made.texts || made.at != pane->made.at ||
                 made.mark != pane->made.mark;
    pane->made = made;
    return moved;
}

static void records_sync(struct pane *base)
{
    struct pane_records *pane = (struct pane_records *)base;
    const struct builder *builder = builder_of(pane);
    if (!has_moved(pane, builder) && !pane->base.stale)
        return;
    pane->base.stale = false;
    pane->longest_type = pane->longest_owner = 0;
    add_rows(pane, builder);
}

/* The services that it belongs to, clean: "api", "api, worker", "api ?" for a
 * guess, "" when not known. The caller frees it. */
static char *owner_words(const struct pane_records *pane, size_t index)
{
    const struct builder *builder = builder_of(pane);
    const struct owner *owner = builder != NULL ? owner_of(builder, index) : NULL;
    const char *name = owner_name(owner);
    struct buf text = {0};
    text_clean(&text, name, strlen(name));
    if (*name != '\0' && owner->guess)
        buf_append_str(&text, " ?");
    return buf_take(&text);
}

static const struct record *current_of(const struct pane_records *pane)
{
    const struct builder *builder = builder_of(pane);
    size_t index = list_index(&pane->list);
    return builder != NULL && index < builder->records.len ? &builder->records.items[index] : NULL;
}

static int records_wanted(const struct pane *base)
{
    const struct pane_records *pane = (const struct pane_records *)base;
    const struct builder *builder = builder_of(pane);
    size_t rows = builder != NULL ? builder->records.len : 0;
    return 1 + (rows > 1000 ? 1000 : rows > 2 ? (int)rows : 2);
}

/* The engine is looked at once a minute at least: figures that are older are those of
 * a builder that counts, hangs, is gone, or is asked on a key only. */
#define OLD_SECONDS 120

static void records_title(const struct pane *base, struct buf *title, struct buf *tail)
{
    const struct pane_records *pane = (const struct pane_records *)base;
    const struct glyphs *glyphs = app_theme(pane->base.app)->glyphs;
    const struct builder *builder = builder_of(pane);
    char text[TEXT_SIZE_SIZE], age[TEXT_AGE_SIZE];
    buf_append_str(title, "Build cache");
    if (builder == NULL)
        return;
    buf_printf(title, " %s builder ", glyphs->horizontal);
    text_clean(title, builder->name, strlen(builder->name));
    if (builder->load == LOAD_DONE || builder->records.len > 0) {
        const struct records *records = &builder->records;
        buf_printf(title, " %s %zu record%s %s %s", glyphs->horizontal, records->len,
                   format_plural(records->len), glyphs->dot, text_size(text, records->size_bytes));
        buf_printf(title, " %s reclaimable %s", glyphs->dot,
                   text_size(text, records->reclaimable_bytes));
        int64_t age_s = (app_now(pane->base.app) - builder->refreshed_at) / CLOCK_SECOND;
        if (builder->refreshed_at > 0 && age_s >= OLD_SECONDS)
            buf_printf(title, " %s read %s ago", glyphs->dot, text_age(age, age_s));
    }
    pane_title_list(pane->base.app, &pane->list, sorts, tail);
}

static const char *flags_of(const struct record *record)
{
    if (record->in_use)
        return record->leaked ? "leaked" : "in use";
    return record->shared ? "shared" : "";
}

static void draw_row(const struct pane_records *pane, const struct table *table,
                     const struct canvas *row, const struct record *record, size_t index)
{
    char text[FORMAT_SIZE], size[TEXT_SIZE_SIZE];
    char *owner = owner_words(pane, index);
    bool mount = strcmp(record->type, "exec.cachemount") == 0;
    const char *type = short_type(record->type);
    table_cell_raw(table, row, TYPE, mount ? STYLE_ACCENT : STYLE_NORMAL, type, strlen(type));
    table_cell(table, row, SIZE, STYLE_BOLD, text_size(size, record->size_bytes));
    if (record->in_use && table->places[FLAGS].width == 0)
        table_cell(table, row, USED, STYLE_WARN, flags_of(record));
    else
        table_cell(table, row, USED, STYLE_NORMAL,
                   format_age(text, record->last_used_at, app_now(pane->base.app)));
    snprintf(text, sizeof text, "%lld", (long long)record->usage_count);
    table_cell(table, row, USES, STYLE_NORMAL, text);
    table_cell(table, row, FLAGS, record->in_use ? STYLE_WARN : STYLE_DIM, flags_of(record));
    table_cell(table, row, SERVICE, STYLE_NORMAL, owner);
    free(owner);
    char *words = record_summary(app_store(pane->base.app), record);
    table_cell_raw(table, row, DESCRIPTION, STYLE_NORMAL, words, strlen(words));
    free(words);
}

/* Instead of rows, or below the titles: why there are none. */
static void draw_empty(const struct pane_records *pane, const struct builder *builder,
                       const struct canvas *canvas)
{
    int width = canvas->cols - 2;
    if (builder == NULL || (builder->load == LOAD_PENDING && builder->error == NULL)) {
        canvas_text(canvas, 0, 2, width, STYLE_DIM, "Asking the engine ...");
    } else if (pane->list.filter != NULL && builder->records.len > 0) {
        canvas_text(canvas, 0, 2, width, STYLE_DIM, "Nothing matches the filter");
    } else if (builder->error == NULL) {
        canvas_text(canvas, 0, 2, width, STYLE_DIM, "The build cache is empty");
    }
}

static void draw_error(const struct builder *builder, const struct canvas *canvas)
{
    int width = canvas->cols - 2;
    canvas_raw(canvas, 0, 2, width, STYLE_WARN, builder->error, strlen(builder->error));
    canvas_text(canvas, 1, 2, width, STYLE_DIM,
                builder->embedded ? "Trying again by itself; everything else goes on working"
                                  : "r asks it again; everything else goes on working");
}

static void records_draw(struct pane *base, const struct canvas *canvas, bool focused)
{
    struct pane_records *pane = (struct pane_records *)base;
    const struct builder *builder = builder_of(pane);
    struct canvas rest = *canvas;
    struct table table;
    pane->base.first_row = 1;
    if (builder != NULL && builder->error != NULL) {
        int rows = canvas->rows > 3 ? 2 : 1;
        struct canvas top = canvas_part(canvas, 0, 0, rows, canvas->cols);
        draw_error(builder, &top);
        rest = canvas_part(canvas, rows, 0, canvas->rows - rows, canvas->cols);
        pane->base.first_row += rows;
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_fit_column(&table, TYPE, pane->longest_type);
    table_fit_column(&table, SERVICE, pane->longest_owner);
    table_layout(&table, 2, rest.cols);
    if (list_len(&pane->list) > 0 || builder == NULL || builder->error == NULL)
        table_draw_titles(&table, &rest, 0);
    rest = canvas_part(&rest, 1, 0, rest.rows - 1, rest.cols);
    scroll_show(&pane->list.scroll, (size_t)rest.rows);
    for (int y = 0; y < rest.rows; y++) {
        size_t at = pane->list.scroll.top + (size_t)y;
        if (at >= list_len(&pane->list))
            break;
        struct canvas row = pane_row(&pane->list, &rest, y, at, focused);
        size_t index = pane->list.rows[at].index;
        draw_row(pane, &table, &row, &builder->records.items[index], index);
    }
    if (list_len(&pane->list) == 0)
        draw_empty(pane, builder, &rest);
}

static void choose(struct pane_records *pane, const char *builder)
{
    mem_replace(&pane->builder, builder);
    list_unmark(&pane->list);
    pane->base.stale = true;
}

static void change_builder(struct pane_records *pane, size_t step)
{
    const struct store *store = app_store(pane->base.app);
    const struct builder *builder = builder_of(pane);
    if (builder == NULL)
        return;
    size_t at = (size_t)(builder - store->builders);
    at = (at + step) % store->builders_len;
    choose(pane, store->builders[at].id);
}

static bool records_command(struct pane *base, enum command command)
{
    struct pane_records *pane = (struct pane_records *)base;
    if (command == COMMAND_BUILDER_NEXT) {
        change_builder(pane, 1);
        return true;
    }
    if (command == COMMAND_BUILDER_PREVIOUS) {
        change_builder(pane, app_store(pane->base.app)->builders_len - 1);
        return true;
    }
    if (command == COMMAND_SORT)
        pane->base.stale = true;
    return pane_list_command(&pane->list, command, sorts, SORTS);
}

static void records_open(const struct pane *base)
{
    const struct pane_records *pane = (const struct pane_records *)base;
    const struct record *record = current_of(pane);
    if (record == NULL)
        return;
    char *owner = owner_words(pane, list_index(&pane->list));
    app_push(base->app, details_screen_record(builder_of(pane)->id, record->id, owner));
    free(owner);
}

static void pane_records_free(struct pane *base)
{
    struct pane_records *pane = (struct pane_records *)base;
    list_done(&pane->list);
    free(pane->builder);
    free(pane);
}

static const struct pane_ops ops = {
    .where = KEYS_RECORDS,
    .sync = records_sync,
    .wanted = records_wanted,
    .title = records_title,
    .draw = records_draw,
    .command = records_command,
    .open = records_open,
    .to = pane_list_to,
    .free = pane_records_free,
};

struct pane *pane_records_new(struct app *app)
{
    struct pane_records *pane = mem_zalloc(sizeof *pane);
    pane->base = (struct pane){
        .ops = &ops,
        .app = app,
        .list = &pane->list,
        .scroll = &pane->list.scroll,
        .stale = true,
    };
    pane->list.descending = sorts[BY_SIZE].descending;
    return &pane->base;
}

const struct builder *pane_records_builder(const struct pane *base)
{
    return builder_of((const struct pane_records *)base);
}

void pane_records_choose(struct pane *base, const char *builder)
{
    choose((struct pane_records *)base, builder);
}
