#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/engine/docker_text.h"
#include "core/engine/record.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static int64_t at(const char *text)
{
    int64_t time;
    assert_true(clock_parse(text, &time));
    return time;
}

static void load(const char *name, int64_t now, struct records *records)
{
    size_t len;
    char *path = path_join("engine", name), *text = data_read(path, &len);
    struct err err;
    int code = strstr(name, ".json") != NULL ? records_parse_df(text, len, records, &err)
                                             : records_parse_du(text, len, now, records, &err);
    if (code < 0)
        fail_msg("%s: %s", name, err.text);
    free(text);
    free(path);
}

/* Recorded answers; the numbers are worked out from the files by other means. */
static void test_recorded(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        int64_t size, reclaimable, shared;
        size_t parents, in_use, unused, mutable_;
    } cases[] = {
        {"api-1.41-engine-20.10-system-df.json", 27, 75996, 75996, 15247, 15, 0, 0, 9},
        {"api-1.45-system-df-build-cache.json", 29, 424002085, 423995392, 423815475, 21, 7, 7, 6},
        {"api-1.45-system-df-many-record-kinds.json", 28, 1277033, 1270340, 1220356, 20, 7, 7, 5},
        {"api-1.51-engine-28.5-system-df-build-cache.json", 33, 1497968, 1497968, 1187807, 9, 0, 0,
         22},
        {"buildx-0.13-du-verbose.txt", 29, 424009366, 424002673, 423822756, 21, 7, 7, 7},
        {"buildx-0.13-du-verbose-many-record-kinds.txt", 28, 1276811, 1270118, 1220134, 20, 7, 7,
         7},
        {"buildx-0.13-du-verbose-graphdriver-overlay2.txt", 20, 64558, 64558, 11226, 7, 0, 0, 12},
        {"buildx-0.13-on-engine-20.10-du-verbose.txt", 27, 75998, 75998, 15248, 0, 0, 0, 11},
        {"buildx-0.13-remote-du-verbose.txt", 7, 10167480, 10167480, 0, 2, 0, 0, 4},
        {"buildx-0.29-du-verbose.stdout.txt", 17, 1379007, 1379007, 1171249, 7, 0, 0, 8},
        {"api-1.51-on-29.7-system-df-build-cache.json", 22, 42561227, 42561227, 15763837, 14, 0, 0,
         7},
        {"api-1.55-system-df-build-cache-verbose.json", 22, 42561227, 42561227, 15763837, 14, 0, 0,
         7},
        {"api-1.55-system-df-during-build-and-leaked.json", 37, 62500441, 61305784, 29018379, 29, 9,
         7, 3},
        {"buildx-0.36-du-verbose.stdout.txt", 22, 42561481, 42561481, 15764000, 14, 0, 0, 7},
        {"buildx-0.36-du-verbose-container.stdout.txt", 18, 43853055, 43853055, 0, 10, 0, 0, 7},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct records records;
        size_t parents = 0, in_use = 0, unused = 0, mutable_ = 0;
        load(cases[i].name, clock_now(), &records);
        for (size_t j = 0; j < records.len; j++) {
            const struct record *record = &records.items[j];
            assert_int_equal(25, strlen(record->id));
            assert_true(record->created_at > 0 && record->type[0] != '\0');
            assert_ptr_equal(record, records_find(&records, record->id));
            parents += record->parents_len;
            in_use += record->in_use;
            unused += record->last_used_at == 0;
            mutable_ += record->mutable_;
        }
        assert_int_equal(cases[i].len, records.len);
        assert_int_equal(cases[i].size, records.size_bytes);
        assert_int_equal(cases[i].reclaimable, records.reclaimable_bytes);
        assert_int_equal(cases[i].shared, records.shared_bytes);
        assert_int_equal(cases[i].parents, parents);
        assert_int_equal(cases[i].in_use, in_use);
        assert_int_equal(cases[i].unused, unused);
        assert_int_equal(cases[i].mutable_, mutable_);
        assert_null(records_find(&records, "nothing"));
        records_free(&records);
        assert_null(records.items);
    }
}

static void assert_same(const struct record *exact, const struct record *rounded)
{
    assert_int_equal(exact->created_at, rounded->created_at);
    assert_string_equal(exact->type, rounded->type);
    assert_string_equal(exact->description, rounded->description);
    assert_int_equal(exact->usage_count, rounded->usage_count);
    assert_int_equal(exact->in_use, rounded->in_use);
    assert_int_equal(exact->shared, rounded->shared);
    assert_int_equal(exact->parents_len, rounded->parents_len);
    for (size_t i = 0; i < exact->parents_len; i++)
        assert_string_equal(exact->parents[i], rounded->parents[i]);
    int64_t off = llabs(exact->size_bytes - rounded->size_bytes);
    assert_true(off <= exact->size_bytes / 2000 + 1); /* four digits */
}

/* The same moment, seen by the API and by buildx. */
static void test_api_and_du_agree(void **state)
{
    struct records exact, rounded;
    (void)state;
    load("api-1.45-system-df-many-record-kinds.json", 0, &exact);
    load("buildx-0.13-du-verbose-many-record-kinds.txt", clock_now(), &rounded);
    assert_int_equal(exact.len, rounded.len);
    for (size_t i = 0; i < exact.len; i++) {
        const struct record *other = records_find(&rounded, exact.items[i].id);
        assert_non_null(other);
        assert_same(&exact.items[i], other);
    }
    records_free(&exact);
    records_free(&rounded);
}

static int parse_df(const char *json, struct records *records)
{
    struct err err = {0};
    int code = records_parse_df(json, strlen(json), records, &err);
    assert_int_equal(code, err.code);
    return code;
}

static void test_exact(void **state)
{
    static const char json[] =
        "{\"BuildCache\":[{\"ID\":\"a\",\" Parents\":[\"p\",\"q\"],\"Type\":\"regular\","
        "\"Description\":\"x\\ny\",\"InUse\":true,\"Shared\":true,\"Size\":9007199254740991,"
        "\"CreatedAt\":\"2026-11-22T08:24:09.810949287Z\","
        "\"LastUsedAt\":\"2026-11-22T09:24:09.1+01:00\",\"UsageCount\":4294967297}]}";
    struct records records;
    (void)state;
    assert_int_equal(0, parse_df(json, &records));
    const struct record *record = records.items;
    assert_int_equal(1, records.len);
    assert_int_equal(2, record->parents_len);
    assert_string_equal("q", record->parents[1]);
    assert_string_equal("x\ny", record->description);
    assert_true(record->in_use && record->shared && !record->mutable_);
    assert_int_equal(INT64_C(9007199254740991), record->size_bytes);
    assert_int_equal(INT64_C(4294967297), record->usage_count);
    assert_int_equal(INT64_C(1795335849810949287), record->created_at);
    assert_int_equal(at("2026-11-22T08:24:09.1Z"), record->last_used_at);
    assert_int_equal(0, records.reclaimable_bytes);
    records_free(&records);
}

static void test_shapes(void **state)
{
    static const struct {
        const char *json;
        int code;
        size_t len, parents;
    } cases[] = {
        /* the two shapes, and empty ones */
        {"{\"BuildCache\":[{\"ID\":\"a\",\"Parent\":\"p\"}]}", 0, 1, 1},
        {"{\"BuildCache\":[{\"ID\":\"a\",\"Parent\":\"\"}]}", 0, 1, 0},
        {"{\"BuildCache\":[{\"ID\":\"a\",\"Parents\":[\"p\",\"\",3,\"q\"]}]}", 0, 1, 2},
        {"{\"BuildCache\":[{\"ID\":\"a\",\" Parents\":[\"p\"]}]}", 0, 1, 1},
        {"{\"BuildCacheUsage\":{\"TotalCount\":1,\"Items\":[{\"ID\":\"a\",\" Parents\":[\"p\"]}]}}",
         0, 1, 1},
        {"{\"BuildCacheUsage\":{\"Items\":[{\"ID\":\"a\"}]},\"BuildCache\":[]}", 0, 1, 0},
        {"{\"BuildCacheUsage\":{},\"BuildCache\":[{\"ID\":\"a\"}]}", 0, 1, 0},
        {"{\"BuildCacheUsage\":{}}", 0, 0, 0},
        {"{\"BuildCacheUsage\":{\"Items\":null}}", 0, 0, 0},
        {"{\"BuildCache\":null}", 0, 0, 0},
        {"{\"BuildCache\":[]}\n ", 0, 0, 0},
        /* neutral values for what is missing or of another type */
        {"{\"BuildCache\":[{\"ID\":\"a\",\"Size\":-5,\"Type\":7,\"CreatedAt\":null,"
         "\"LastUsedAt\":\"0001-01-01T00:00:00Z\",\"UsageCount\":\"9\",\"InUse\":1,"
         "\" Parents\":{}}]}",
         0, 1, 0},
        {"{\"BuildCache\":[{},{\"ID\":\"\"},{\"ID\":7},3,null,[],{\"id\":\"a\"}]}", 0, 0, 0},
        /* something else */
        {"", ERR_FORMAT, 0, 0},
        {"null", ERR_FORMAT, 0, 0},
        {"[]", ERR_FORMAT, 0, 0},
        {"{}", ERR_FORMAT, 0, 0},
        {"{\"buildcache\":[]}", ERR_FORMAT, 0, 0},
        {"{\"BuildCache\":7}", ERR_FORMAT, 0, 0},
        {"{\"message\":\"page not found\"}", ERR_FORMAT, 0, 0},
        {"{\"BuildCache\":[{\"ID\":\"a\"}", ERR_FORMAT, 0, 0},
        {"{\"BuildCache\":[]}{\"BuildCache\":[]}", ERR_FORMAT, 0, 0},
        {"{\"BuildCache\":[]} x", ERR_FORMAT, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct records records = {.len = 77};
        assert_int_equal(cases[i].code, parse_df(cases[i].json, &records));
        if (cases[i].code < 0) {
            assert_int_equal(77, records.len); /* untouched */
            continue;
        }
        assert_int_equal(cases[i].len, records.len);
        for (size_t j = 0; j < records.len; j++) {
            const struct record *record = &records.items[j];
            assert_int_equal(cases[i].parents, record->parents_len);
            assert_int_equal(0, record->size_bytes);
            assert_int_equal(0, record->created_at);
            assert_int_equal(0, record->last_used_at);
            assert_int_equal(0, record->usage_count);
            assert_string_equal("", record->type);
            assert_string_equal("", record->description);
            assert_false(record->in_use || record->shared || record->mutable_);
        }
        records_free(&records);
    }
}

/* Whatever is added up of it: it can't wrap round, and what is honest stays. */
static void test_sizes_that_no_disk_holds(void **state)
{
    struct records records;
    (void)state;
    assert_int_equal(0, parse_df("{\"BuildCache\":[{\"ID\":\"a\",\"Size\":1e19},"
                                 "{\"ID\":\"b\",\"Size\":1e400},{\"ID\":\"c\",\"Size\":5}]}",
                                 &records));
    assert_int_equal(RECORDS_SIZE_MAX / 3, records.items[0].size_bytes);
    assert_int_equal(RECORDS_SIZE_MAX / 3, records.items[1].size_bytes);
    assert_int_equal(5, records.items[2].size_bytes);
    assert_int_equal(RECORDS_SIZE_MAX / 3 * 2 + 5, records.size_bytes);
    assert_int_equal(records.size_bytes, records.reclaimable_bytes);
    records_free(&records);
}

static void test_deep_nesting(void **state)
{
    struct buf json = {0};
    struct records records;
    (void)state;
    buf_append_str(&json, "{\"BuildCache\":");
    for (size_t i = 0; i < 200000; i++)
        buf_append(&json, "[", 1);
    assert_int_equal(ERR_FORMAT, records_parse_df(json.data, json.len, &records, NULL));
    buf_done(&json);
}

static void parse_du(const char *text, struct records *records)
{
    assert_int_equal(
        0, records_parse_du(text, strlen(text), at("2026-11-22T12:00:00Z"), records, NULL));
}

static void test_du_forms(void **state)
{
    static const char text[] = "ID:\t\ta1\n"
                               "Parent:\t\tp1,p2\n"
                               "Created at:\t2026-11-22 07:44:04.470342626 +0000 UTC\n"
                               "Mutable:\ttrue\n"
                               "Reclaimable:\tfalse\n"
                               "Shared:\t\ttrue\n"
                               "Size:\t\t61.71kB\n"
                               "Description:\tRUN <<EOF\n"
                               "ID:\t\tforged\n"
                               "Size:\t\t1B\n"
                               "\n"
                               "Usage count: none\n"
                               "EOF\n"
                               "Usage count:\t5\n"
                               "Last used:\t2 hours ago\n"
                               "Type:\t\tregular\n"
                               "\n"
                               "ID:           b2\r\n"
                               "Parents:\r\n"
                               " - p3\r\n"
                               " - p4\r\n"
                               "Mutable:      false\r\n"
                               "Reclaimable:  true\r\n"
                               "Size:         1.5GB\r\n"
                               "Usage count:  0\r\n"
                               "\r\n"
                               "Shared:\t\t1B\n"
                               "Reclaimable:\t9B\n"
                               "Total:\t\t9B\n";
    struct records records;
    (void)state;
    parse_du(text, &records);
    assert_int_equal(2, records.len);
    const struct record *a = &records.items[0], *b = &records.items[1];
    assert_string_equal("a1", a->id);
    assert_int_equal(2, a->parents_len);
    assert_string_equal("p2", a->parents[1]);
    assert_int_equal(at("2026-11-22T07:44:04.470342626Z"), a->created_at);
    assert_true(a->mutable_ && a->in_use && a->shared);
    assert_int_equal(61710, a->size_bytes);
    assert_string_equal("RUN <<EOF\nID:\t\tforged\nSize:\t\t1B\n\nUsage count: none\nEOF",
                        a->description);
    assert_int_equal(5, a->usage_count);
    assert_int_equal(at("2026-11-22T10:00:00Z"), a->last_used_at);
    assert_string_equal("regular", a->type);
    assert_string_equal("b2", b->id);
    assert_int_equal(2, b->parents_len);
    assert_string_equal("p4", b->parents[1]);
    assert_false(b->mutable_ || b->in_use || b->shared);
    assert_int_equal(1500000000, b->size_bytes);
    assert_int_equal(0, b->last_used_at);
    assert_string_equal("", b->description);
    assert_string_equal("", b->type);
    records_free(&records);
}

static void test_du_edges(void **state)
{
    static const struct {
        const char *text;
        int code;
        size_t len;
    } cases[] = {
        {"", 0, 0},
        {"\n\n", 0, 0},
        {"Reclaimable:\t0B\nTotal:\t\t0B\n", 0, 0},
        {"ID:\t\ta", 0, 1},                        /* cut off at once */
        {"ID:\t\ta\nDescription:\tx\n\n\n", 0, 1}, /* cut off in a description */
        {"ID:\t\n\nTotal:\t0B\n", 0, 0},
        {"ID:\ta\nID:\tb\n\nID:\tc\n", 0, 2},
        {"ERROR: no builder \"x\" found\n", ERR_FORMAT, 0},
        {"Usage: docker builder COMMAND\n", ERR_FORMAT, 0},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct records records = {0};
        struct err err;
        assert_int_equal(cases[i].code, records_parse_du(cases[i].text, strlen(cases[i].text),
                                                         CLOCK_SECOND, &records, &err));
        assert_int_equal(cases[i].len, records.len);
        records_free(&records);
    }
}

/* Any prefix of a recorded file is read without harm. */
static void test_du_cut_anywhere(void **state)
{
    char *dir = path_join(getenv("BILGE_TEST_DATA"), "engine");
    size_t len;
    char *text = file_read(dir, "buildx-0.13-du-verbose-many-record-kinds.txt", &len);
    (void)state;
    for (size_t cut = 0; cut < len; cut += 7) {
        struct records records;
        char *part = mem_strndup(text, cut);
        assert_int_equal(0, cut > 3 ? records_parse_du(part, cut, clock_now(), &records, NULL) : 0);
        if (cut > 3)
            records_free(&records);
        free(part);
    }
    free(text);
    free(dir);
}

static void test_size(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } cases[] = {
        {"0B", 0},
        {"7B", 7},
        {"999B", 999},
        {"8.192kB", 8192},
        {"61.71kB", 61710},
        {"1.102MB", 1102000},
        {"1.15GB", 1150000000},
        {"4.295GB", INT64_C(4295000000)},
        {"1e+03kB", 1000000},
        {"1.5e+03kB", 1500000},
        {"1.2345B", 1},
        {"1.5B", 2},
        {"25e-01B", 3},
        {"9PB", INT64_C(9000000000000000)},
        {"9EB", INT64_C(9000000000000000000)},
        {"10EB", INT64_MAX},
        {"1YB", INT64_MAX},
        {"123456789012345678901234567890YB", INT64_MAX},
        {"0.00000000000000000000000001YB", 0},
        {"1e+99B", INT64_MAX},
        {"0e+99999999999B", 0},
        {"1e-99B", 0},
        {"", -1},
        {"B", -1},
        {"-1B", -1},
        {"1", -1},
        {"1kb", -1},
        {"1 kB", -1},
        {"1KiB", -1},
        {"1kB*", -1},
        {"1e+kB", -1},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        int64_t bytes = -1;
        bool ok = docker_parse_size(cases[i].text, &bytes);
        assert_int_equal(cases[i].bytes >= 0, ok);
        assert_int_equal(cases[i].bytes, bytes);
    }
}

static void test_ago(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } cases[] = {
        {"Less than a second ago", 0},
        {"1 second ago", 1},
        {"43 seconds ago", 43},
        {"About a minute ago", 60},
        {"3 minutes ago", 180},
        {"About an hour ago", 3600},
        {"47 hours ago", 47 * 3600},
        {"13 days ago", 13 * 86400},
        {"8 weeks ago", 8 * 7 * 86400},
        {"23 months ago", 23 * 30 * 86400},
        {"2 years ago", 2 * 365 * 86400},
        {"", -1},
        {"3 minutes", -1},
        {"minutes ago", -1},
        {"3 fortnights ago", -1},
        {"About a fortnight ago", -1},
        {"About a ", -1},
        {"About an ", -1},
        {"-3 minutes ago", -1},
        {"3minutes ago", -1},
        {"99999999 years ago", -1},
    };
    int64_t now = at("2026-11-22T12:00:00Z");
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        int64_t when = -1;
        bool ok = docker_parse_ago(cases[i].text, now, &when);
        assert_int_equal(cases[i].seconds >= 0, ok);
        assert_int_equal(ok ? now - cases[i].seconds * CLOCK_SECOND : -1, when);
    }
    int64_t when;
    assert_true(docker_parse_ago("99999 years ago", now, &when));
    assert_int_equal(1, when); /* older than time: still "used once" */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_api_and_du_agree),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_sizes_that_no_disk_holds),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_du_forms),
        cmocka_unit_test(test_du_edges),
        cmocka_unit_test(test_du_cut_anywhere),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_ago),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
