#include "cli/listing.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* ----------------------------------------------------------------- sort */

static int compare_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->record->id, ((const struct row *)b)->record->id);
}

static int by_size(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = compare_int(right->record->size_bytes, left->record->size_bytes);
    return order != 0 ? order : by_id(a, b);
}

static int by_last_use(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = compare_int(left->record->last_used_at, right->record->last_used_at);
    return order != 0 ? order : by_size(a, b);
}

static int by_creation(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = compare_int(left->record->created_at, right->record->created_at);
    return order != 0 ? order : by_size(a, b);
}

static int by_uses(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = compare_int(right->record->usage_count, left->record->usage_count);
    return order != 0 ? order : by_size(a, b);
}

static int by_type(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = strcmp(left->record->type, right->record->type);
    return order != 0 ? order : by_size(a, b);
}

static const struct sort_key {
    const char *name;
    int (*compare)(const void *a, const void *b);
} sort_keys[] = {
    {"size", by_size}, {"used", by_last_use}, {"created", by_creation},
    {"uses", by_uses}, {"type", by_type},     {"id", by_id},
};

int listing_sort_key(const char *name, const struct sort_key **ret_key, struct err *err)
{
    for (size_t i = 0; i < sizeof sort_keys / sizeof sort_keys[0]; i++) {
        if (name == NULL || strcmp(sort_keys[i].name, name) == 0) {
            *ret_key = &sort_keys[i];
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "--sort: \"%s\" is none of %s", name, LISTING_SORT_KEYS);
}

/* -------------------------------------------------------------- listing */

static int pin_compare(const void *a, const void *b)
{
    const struct pin *left = a, *right = b;
    int order = strcmp(left->parent, right->parent);
    return order != 0 ? order : strcmp(left->child, right->child);
}

static void collect_pins(struct listing *listing, const struct records *records)
{
    size_t cap = 0;
    for (size_t i = 0; i < records->len; i++) {
        const struct record *record = &records->items[i];
        mem_reserve((void **)&listing->pins, &cap, listing->pins_len + record->parents_len,
                    sizeof *listing->pins);
        for (size_t j = 0; j < record->parents_len; j++)
            listing->pins[listing->pins_len++] = (struct pin){record->parents[j], record->id};
    }
    if (listing->pins_len > 0)
        qsort(listing->pins, listing->pins_len, sizeof *listing->pins, pin_compare);
}

/* The pins of one parent stand together: finds the first, then counts. */
static void row_find_pins(struct row *row, const struct listing *listing)
{
    size_t low = 0, high = listing->pins_len;
    if (high == 0)
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(listing->pins[middle].parent, row->record->id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    row->pins = listing->pins + low;
    while (low + row->pins_len < listing->pins_len &&
           strcmp(row->pins[row->pins_len].parent, row->record->id) == 0)
        row->pins_len++;
}

void listing_init(struct listing *listing, const struct store *store, const struct builder *builder,
                  const struct query_match *match, const struct sort_key *key)
{
    static const struct owner nobody = {0};
    const struct records *records = &builder->records;
    *listing = (struct listing){.builder = builder};
    collect_pins(listing, records);
    listing->rows = mem_zalloc((records->len + 1) * sizeof *listing->rows);
    for (size_t i = 0; i < records->len; i++) {
        if (!query_match_id(match, records->items[i].id) ||
            !query_match_owner(match, store, builder, i) ||
            !query_match_record(match, store, builder, i))
            continue;
        struct row *row = &listing->rows[listing->rows_len++];
        row->record = &records->items[i];
        row->owner = i < builder->owners.len ? &builder->owners.items[i] : &nobody;
        row->owners = i < builder->owners.len ? &builder->owners : NULL;
        row->index = i;
        row_find_pins(row, listing);
    }
    qsort(listing->rows, listing->rows_len, sizeof *listing->rows, key->compare);
}

void listing_done(struct listing *listing)
{
    free(listing->rows);
    free(listing->pins);
}
