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
#include "core/builds/build.h"
#include "core/builds/project/recipe.h"
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
    struct record result = {.id = mem_strdup(id),
                            .type = mem_strdup("regular"),
                            .description = mem_strdup(description),
                            .created_at = created_at};
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
        {"mount", NULL, 8, "cached mount /t from exec make it with id \"/t\"", "worker", NULL,
         true},
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
    struct owners owners = owners_find(
        &records, &(struct owners_sources){.caches = caches, .caches_len = LEN(caches)});
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
    char names[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        caches[i] = (struct owners_cache){names[i], &cache};
    }
    struct records records = {mem_alloc(sizeof(struct record) * 2), 2, 0, 0, 0};
    records.items[0] = record("a", "b", 50, "");
    records.items[1] = record("b", "a", 51, "");
    struct owners owners =
        owners_find(&records, &(struct owners_sources){.caches = caches, .caches_len = 100});
    assert_non_null(strstr(owners.items[0].several, "s99"));
    assert_string_equal(owners.items[0].several, owners.items[1].several);
    owners_done(&owners);
    owners =
        owners_find(&records, &(struct owners_sources){.caches = caches + 99, .caches_len = 1});
    assert_string_equal("s99", owners.items[1].service);
    owners_done(&owners);
    records_free(&records);
}

/* ------------------------------------------- Dockerfiles and builds, as well */

#define MAKE(what) "mount / from exec /bin/sh -c make " what
#define MOUNTED(target, what, id)                                                                  \
    "cached mount " target " from exec /bin/sh -c make " what " with id \"" id "\""

static struct compose_service service(const char *name, const char *dockerfile)
{
    struct compose_service result = {.name = (char *)name};
    assert_int_equal(
        0, recipe_parse(dockerfile, strlen(dockerfile), NULL, NULL, 0, &result.recipe, NULL));
    return result;
}

struct expected {
    const char *id, *parent;
    int64_t created_at, used_at;
    const char *description, *services;
    bool guess;
};

static void check_owners(const struct expected *rows, size_t len, struct owners_sources sources)
{
    struct records records = {mem_alloc(sizeof(struct record) * len), len, 0, 0, 0};
    for (size_t i = 0; i < len; i++) {
        records.items[i] =
            record(rows[i].id, rows[i].parent, rows[i].created_at, rows[i].description);
        records.items[i].last_used_at = rows[i].used_at;
    }
    struct owners owners = owners_find(&records, &sources);
    for (size_t i = 0; i < len; i++) {
        const struct owner *owner = &owners.items[i];
        const char *names = owner->service != NULL   ? owner->service
                            : owner->several != NULL ? owner->several
                                                     : "";
        if (strcmp(names, rows[i].services) != 0 || owner->guess != rows[i].guess)
            fail_msg("%s: \"%s\"%s", rows[i].id, names, owner->guess ? " ?" : "");
    }
    owners_done(&owners);
    records_free(&records);
}

/* api and worker export their caches, tool does not; all have a step in common,
 * api and worker a cache mount. */
static void dockerfiles_tell(void **state)
{
    struct cache_blob api_blobs[] = {blob(0x01, 100, 1), blob(0x02, 110, 1)};
    struct cache_blob worker_blobs[] = {blob(0x03, 200, 1), blob(0x04, 210, 1)};
    struct cache api = {.blobs = api_blobs, .blobs_len = LEN(api_blobs)};
    struct cache worker = {.blobs = worker_blobs, .blobs_len = LEN(worker_blobs)};
    const struct owners_cache caches[] = {{"api", &api}, {"worker", &worker}};
    struct compose_service services[] = {
        service("api",
                "FROM x AS b\nRUN make common\nARG D=/d\nCOPY \"src\" $D\n"
                "RUN --mount=type=cache,id=shared,target=/s --mount=type=cache,target=/t make api"),
        service("tool", "FROM x\nRUN make common\nCOPY $UNKNOWN /x\n"
                        "RUN --mount=type=cache,target=/u make tool"),
        service("worker", "FROM x\nRUN make common\n"
                          "RUN --mount=type=cache,id=shared,target=/s make worker"),
    };
    struct compose_project project = {
        .name = (char *)"p", .services = services, .services_len = LEN(services)};
    static const struct expected rows[] = {
        {"base", NULL, 1, 0, "", "api, worker, tool", true},
        /* Each of the two has its own: what looks alike is not the other's, but
         * tool has none and may use either. */
        {"common 1", "base", 100, 0, MAKE("common"), "api, tool", true},
        {"common 2", "base", 200, 0, MAKE("common"), "worker, tool", true},
        {"leaf 1", "common 1", 110, 0, MAKE("api"), "api", false},
        {"leaf 2", "common 2", 210, 0, MAKE("worker"), "worker", false},
        {"old", "base", 50, 0, MAKE("api"), "api", true},
        {"copy", "old", 51, 0, "[b 3/4] COPY src /d", "api", true}, /* without the quotes */
        {"other stage", NULL, 52, 0, "[c 3/4] COPY src /d", "", false},
        {"platform", NULL, 53, 0, "[linux/arm64 b 2/4] COPY src /d", "api", true},
        {"anything", NULL, 54, 0, "[stage-0 2/3] COPY what there is /x", "tool", true},
        {"mount", NULL, 60, 0, MOUNTED("/s", "api", "/shared"), "api, worker", false},
        {"own mount", NULL, 61, 0, MOUNTED("/t", "api", "//t"), "api", false},
        {"tool's mount", NULL, 62, 0, MOUNTED("/u", "tool", "//u"), "tool", false},
        {"a stranger's", NULL, 63, 0, MOUNTED("/t", "strange", "//t"), "api", true},
        {"without id", NULL, 64, 0, "cached mount /u from exec /bin/sh -c make tool", "tool",
         false},
        {"nobody's", NULL, 65, 0, MOUNTED("/n", "strange", "//n"), "", false},
        {"source", NULL, 66, 0, "local source for context", "", false},
    };
    (void)state;
    check_owners(
        rows, LEN(rows),
        (struct owners_sources){.caches = caches, .caches_len = LEN(caches), .project = &project});
    for (size_t i = 0; i < LEN(services); i++)
        recipe_free(services[i].recipe);
}

/* What bilge built itself is known, made or used; by time and by the step. */
static void builds_tell(void **state)
{
    enum { S = 1000000000 };
    struct history_step steps[] = {
        {NULL, (char *)"b", (char *)"RUN --mount=type=cache,target=/t make w2 $HOME", STEP_DONE, 2,
         900, -1},
        {(char *)"tool", (char *)"b", (char *)"COPY src /d", STEP_CACHED, 3, 0, -1},
        {(char *)"other", (char *)"b", (char *)"RUN make other", STEP_DONE, 4, 900, -1},
        {NULL, NULL, (char *)"RUN exporting", STEP_DONE, 0, 900, -1},
        {NULL, (char *)"b", (char *)"RUN make failed", STEP_FAILED, 5, 900, -1},
    };
    const struct history_build past[] = {
        {.project = (char *)"p",
         .service = (char *)"tool",
         .started_at = INT64_C(1000) * S,
         .duration_ms = 10000,
         .steps = steps,
         .steps_len = LEN(steps)},
        {.project = (char *)"elsewhere",
         .service = (char *)"tool",
         .started_at = INT64_C(5000) * S,
         .duration_ms = 10000,
         .steps = steps,
         .steps_len = LEN(steps)},
    };
    struct compose_service services[] = {{.name = (char *)"tool"}};
    struct compose_project project = {
        .name = (char *)"p", .services = services, .services_len = LEN(services)};
#define AT(seconds) (INT64_C(seconds) * S)
    const struct expected rows[] = {
        {"base", NULL, 1, 0, "", "tool", false},
        {"made", "base", AT(1005), AT(1005), MAKE("$SERVICE $HOME"), "tool", false},
        {"too late", NULL, AT(1020), AT(1020), MAKE("$SERVICE $HOME"), "tool", true}, /* alike */
        {"used", NULL, AT(500), AT(1003), "[b 3/9] COPY src /d", "tool", false},
        {"not used", NULL, AT(500), AT(900), "[b 3/9] COPY src /d", "tool", true},
        {"another's", NULL, AT(1005), AT(1005), MAKE("other"), "", false},
        {"no instruction", NULL, AT(1005), AT(1005), MAKE("exporting"), "", false},
        {"failed", NULL, AT(1005), AT(1005), MAKE("failed"), "", false},
        {"another project's", NULL, AT(5005), AT(5005), MAKE("it"), "", false},
    };
    (void)state;
    check_owners(rows, LEN(rows),
                 (struct owners_sources){.project = &project, .past = past, .past_len = LEN(past)});
    check_owners(&rows[6], 3, (struct owners_sources){.past = past, .past_len = LEN(past)});
}

static void nothing_gives_nothing(void **state)
{
    (void)state;
    const struct records none = {0};
    struct owners owners = owners_find(&none, &(struct owners_sources){0});
    assert_int_equal(0, owners.len);
    owners_done(&owners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_find_their_service), cmocka_unit_test(circles_and_a_hundred_services),
        cmocka_unit_test(dockerfiles_tell),        cmocka_unit_test(builds_tell),
        cmocka_unit_test(nothing_gives_nothing),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
