#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/listing.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* base ◄─ copy ◄─ run, and copy ◄─ other; a mount alone; "gone" is no record. */
#define TEXT(text) ((char *)(uintptr_t)(text))
static char *of_copy[] = {TEXT("base")};
static char *of_run[] = {TEXT("copy"), TEXT("gone")};
static char *of_other[] = {TEXT("copy")};

#define RECORD(id_, type_, parents_, count, size, created, used, uses)                             \
    {                                                                                              \
        .id = TEXT(id_), .type = TEXT(type_), .description = TEXT(""), .parents = parents_,        \
        .parents_len = count, .size_bytes = size, .created_at = created, .last_used_at = used,     \
        .usage_count = uses,                                                                       \
    }
static struct record records[] = {
    RECORD("base", "regular", NULL, 0, 10, 1, 9, 4),
    RECORD("copy", "regular", of_copy, 1, 30, 2, 0, 1),
    RECORD("run", "regular", of_run, 2, 30, 3, 7, 9),
    RECORD("other", "regular", of_other, 1, 5, 5, 8, 1),
    RECORD("mount", "exec.cachemount", NULL, 0, INT64_C(5000000000), 4, 6, 2),
};
static const struct builder builder = {
    .name = TEXT("default"),
    .records = {.items = records, .len = LEN(records)},
};
static const struct store nothing;

static void init(struct listing *listing, const struct store *store, const struct builder *of,
                 const struct query *query, const struct sort_key *sort)
{
    struct query_match match;
    struct query all;
    query_init(&all);
    assert_int_equal(query_match_init(&match, query != NULL ? query : &all, 100, NULL), 0);
    listing_init(listing, store, of, &match, sort);
    query_match_done(&match);
}

static void assert_order(const char *key, const char *type, const char *expected)
{
    struct query query;
    query_init(&query);
    query.type = type;
    const struct sort_key *sort;
    struct listing listing;
    struct err err;
    char order[128] = "";
    assert_int_equal(listing_sort_key(key, &sort, &err), 0);
    init(&listing, &nothing, &builder, &query, sort);
    for (size_t i = 0; i < listing.rows_len; i++) {
        strcat(order, i > 0 ? " " : "");
        strcat(order, listing.rows[i].record->id);
    }
    assert_string_equal(order, expected);
    listing_done(&listing);
}

static void test_order(void **state)
{
    (void)state;
    assert_order(NULL, NULL, "mount copy run base other");
    assert_order("size", NULL, "mount copy run base other");
    assert_order("used", NULL, "copy mount run other base");
    assert_order("created", NULL, "base copy run mount other");
    assert_order("uses", NULL, "run base mount copy other");
    assert_order("type", NULL, "mount copy run base other");
    assert_order("id", NULL, "base copy mount other run");
    assert_order(NULL, "regular", "copy run base other");
    assert_order(NULL, "exec.cachemount", "mount");
    assert_order(NULL, "no such", "");
}

static void test_unknown_key(void **state)
{
    const struct sort_key *sort;
    struct err err;
    (void)state;
    assert_int_equal(listing_sort_key("colour", &sort, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "colour"));
}

static void test_pins(void **state)
{
    static const struct {
        const char *id, *pins;
    } cases[] = {
        {"base", "copy"}, {"copy", "other run"}, {"run", ""}, {"other", ""}, {"mount", ""},
    };
    const struct sort_key *sort;
    struct listing listing;
    struct err err;
    (void)state;
    assert_int_equal(listing_sort_key("id", &sort, &err), 0);
    init(&listing, &nothing, &builder, NULL, sort);
    for (size_t i = 0; i < LEN(cases); i++) {
        const struct row *row = listing.rows;
        while (strcmp(row->record->id, cases[i].id) != 0)
            row++;
        char pins[64] = "";
        for (size_t j = 0; j < row->pins_len; j++) {
            strcat(pins, j > 0 ? " " : "");
            strcat(pins, row->pins[j].child);
        }
        assert_string_equal(pins, cases[i].pins);
    }
    listing_done(&listing);
}

static void test_no_pins_at_all(void **state)
{
    const struct builder single = {
        .name = TEXT("default"),
        .records = {.items = &records[0], .len = 1},
    };
    const struct sort_key *sort;
    struct listing listing;
    struct err err;
    (void)state;
    assert_int_equal(listing_sort_key(NULL, &sort, &err), 0);
    init(&listing, &nothing, &single, NULL, sort);
    assert_int_equal(listing.rows_len, 1);
    assert_int_equal(listing.rows[0].pins_len, 0);
    listing_done(&listing);
}

static void test_nothing(void **state)
{
    static const struct builder empty = {.name = TEXT("default")};
    const struct sort_key *sort;
    struct listing listing;
    struct err err;
    (void)state;
    assert_int_equal(listing_sort_key(NULL, &sort, &err), 0);
    init(&listing, &nothing, &empty, NULL, sort);
    assert_int_equal(listing.rows_len, 0);
    listing_done(&listing);
}

/* A cache whose layer was made at the same instant as the record "copy", so
 * that the record, and what it stands on, is this service's. */
static void test_owner(void **state)
{
    struct cache_blob blob = {.created_at = 2, .class = BLOB_LIVE, .generations = 1};
    struct cache cache = {.blobs = &blob, .blobs_len = 1};
    struct service services[] = {
        {.name = TEXT("pathless")},
        {.name = TEXT("api"), .cache = &cache},
    };
    const struct store store = {.services = services, .services_len = LEN(services)};
    const struct sort_key *sort;
    struct listing listing;
    struct err err;
    (void)state;
    assert_int_equal(listing_sort_key("id", &sort, &err), 0);
    struct builder owned = builder;
    owned.owners = store_find_owners(&store, &owned.records);
    init(&listing, &store, &owned, NULL, sort);
    for (size_t i = 0; i < listing.rows_len; i++) {
        const struct row *row = &listing.rows[i];
        bool api = strcmp(row->record->id, "copy") == 0 || strcmp(row->record->id, "base") == 0;
        if (api)
            assert_string_equal(row->owner->service, "api");
        else
            assert_null(row->owner->service);
    }
    listing_done(&listing);
    owners_done(&owned.owners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),   cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_pins),    cmocka_unit_test(test_no_pins_at_all),
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_owner),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
