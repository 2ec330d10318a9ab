/* Records find their services: by time, by the blob they were imported from,
 * by their children, and by the step that they quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/store/owners.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct cache_blob blob(uint8_t byte, int64_t created_at, uint32_t generations)
{
    struct cache_blob result = {.created_at = created_at, .generations = generations};
    memset(result.digest.bytes, byte, sizeof result.digest.bytes);
    return result;
}

static struct record record(const char *id, const char *parent, int64_t created_at,
                            const char *description)
{
    struct record result = {.id = mem_strdup(id), .type = mem_strdup("regular"),
                            .description = mem_strdup(description), .created_at = created_at};
    if (parent != NULL) {
        result.parents = mem_alloc(sizeof *result.parents);
        result.parents[result.parents_len++] = mem_strdup(parent);
    }
    return result;
}

static void rows_find_their_service(void **state)
{
    (void)state;
    struct cache_blob api_blobs[] = {blob(0xaa, 100, 1), blob(0xbb, 200, 2), blob(0x01, 900, 0),
                                     blob(0x02, 0, 1)};
    struct cache_blob worker_blobs[] = {blob(0xaa, 100, 1), blob(0xcc, 300, 1)};
    struct cache api = {.blobs = api_blobs, .blobs_len = LEN(api_blobs)};
    struct cache worker = {.blobs = worker_blobs, .blobs_len = LEN(worker_blobs)};
    const struct owners_cache caches[] = {{"api", &api}, {"worker", &worker}};
    const struct {
        const char *id, *parent;
        int64_t created_at;
        const char *description, *service, *several;
        bool guess;
    } rows[] = {
        {"base", NULL, 1, "", NULL, "api, worker", false}, /* under what both have */
        {"both", "base", 100, "mount / from exec make deps", NULL, "api, worker", false},
        {"leaf", "both", 300, "mount / from exec make it", "worker", NULL, false},
        {"imported", "gone", 7, "imported sha256:" HEX_B, "api", NULL, false},
        {"mount", NULL, 8, "cached mount /t from exec make it with id \"/t\"", "worker", NULL, true},
        {"odd id", NULL, 8, "cached mount /t from exec make deps with id \"/ with id \"", NULL,
         NULL, false},
        {"again", NULL, 9, "mount / from exec make deps", NULL, "api, worker", true},
        {"orphan", NULL, 900, "mount / from exec make old", NULL, NULL, false},
        {"unknown", NULL, 0, "local source for context", NULL, NULL, false},
        {"half", NULL, 5, "imported sha256:bbbb", NULL, NULL, false},
    };
    struct records records = {mem_alloc(sizeof(struct record) * LEN(rows)), LEN(rows), 0, 0, 0};
    for (size_t i = 0; i < LEN(rows); i++)
        records.items[i] =
            record(rows[i].id, rows[i].parent, rows[i].created_at, rows[i].description);
    struct owners owners = owners_find(&records, caches, LEN(caches));
    assert_int_equal(LEN(rows), owners.len);
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct owner *owner = &owners.items[i];
        const char *service = owner->service != NULL ? owner->service : "-";
        const char *several = owner->several != NULL ? owner->several : "-";
        assert_string_equal(rows[i].service != NULL ? rows[i].service : "-", service);
        assert_string_equal(rows[i].several != NULL ? rows[i].several : "-", several);
        assert_int_equal(rows[i].guess, owner->guess);
    }
    owners_done(&owners);
    records_free(&records);
}

/* Parents in a circle, and more services than one word of bits holds. */
static void circles_and_a_hundred_services(void **state)
{
    (void)state;
    struct cache_blob one = blob(0x11, 50, 1);
    struct cache cache = {.blobs = &one, .blobs_len = 1};
    struct owners_cache caches[100];
    char names[100][8];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        caches[i] = (struct owners_cache){names[i], &cache};
    }
    struct records records = {mem_alloc(sizeof(struct record) * 2), 2, 0, 0, 0};
    records.items[0] = record("a", "b", 50, "");
    records.items[1] = record("b", "a", 51, "");
    struct owners owners = owners_find(&records, caches, 100);
    assert_non_null(strstr(owners.items[0].several, "s99"));
    assert_string_equal(owners.items[0].several, owners.items[1].several);
    owners_done(&owners);
    owners = owners_find(&records, caches + 99, 1);
    assert_string_equal("s99", owners.items[1].service);
    owners_done(&owners);
    records_free(&records);
}

static void nothing_gives_nothing(void **state)
{
    (void)state;
    const struct records none = {0};
    struct owners owners = owners_find(&none, NULL, 0);
    assert_int_equal(0, owners.len);
    owners_done(&owners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_find_their_service),
        cmocka_unit_test(circles_and_a_hundred_services),
        cmocka_unit_test(nothing_gives_nothing),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
