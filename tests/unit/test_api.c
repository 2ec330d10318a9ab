#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/engine/api.h"
#include "core/engine/builders.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static void test_versions(void **state)
{
    static const struct {
        const char *offered, *df; /* NULL: refused */
    } cases[] = {
        {"1.24", "/v1.24/system/df"},
        {"1.41", "/v1.41/system/df"},                            /* 20.10 */
        {"1.42", "/v1.42/system/df?type=build-cache"},           /* 23.0: it has no newer one */
        {"1.43", "/v1.43/system/df?type=build-cache"},           /* 24.0 */
        {"1.44", "/v1.44/system/df?type=build-cache"},           /* 25.0: would die on 1.43 */
        {"1.45", "/v1.45/system/df?type=build-cache"},           /* 26.1 */
        {"1.51", "/v1.51/system/df?type=build-cache"},           /* 28.5 */
        {"1.52", "/v1.52/system/df?type=build-cache&verbose=1"}, /* 29.0 */
        {"1.60", "/v1.52/system/df?type=build-cache&verbose=1"}, /* newer than we know */
        {"2.0", "/v1.52/system/df?type=build-cache&verbose=1"},
        {"", NULL},
        {"1", NULL},
        {"1.", NULL},
        {".41", NULL},
        {"1.41.2", NULL},
        {"1.41 ", NULL},
        {"-1.41", NULL},
        {"1.99999", NULL},
        {"one", NULL},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct api_version version = {7, 7};
        struct err err;
        int code = api_choose(cases[i].offered, &version, &err);
        assert_int_equal(cases[i].df != NULL ? 0 : ERR_FORMAT, code);
        if (code < 0) {
            assert_int_equal(7, version.major);
            continue;
        }
        char *path = api_df_path(version);
        assert_string_equal(cases[i].df, path);
        free(path);
    }
}

static void test_paths(void **state)
{
    static const struct api_version version = {1, 45};
    (void)state;
    char *info = api_info_path(version), *events = api_events_path(version);
    assert_string_equal("/v1.45/info", info);
    assert_string_equal("/v1.45/events?filters=%7B%22type%22%3A%7B%22builder%22%3Atrue%2C"
                        "%22image%22%3Atrue%7D%7D",
                        events);
    free(info);
    free(events);
}

static void test_record_ids(void **state)
{
    static const struct {
        const char *id;
        bool ok;
    } cases[] = {
        {"sqnn4cnyzaabtg32vim9cc10r", true},
        {"A-b_9", true},
        {"", false},
        {"a|b", false},
        {".", false},
        {".*", false},
        {"a.b", false},
        {"a b", false},
        {"a,b", false},
        {"a\"", false},
        {"a\\", false},
        {"a\n", false},
        {"(a)", false},
        {"\xc3\xa4", false},
    };
    char long_id[256];
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        assert_int_equal(cases[i].ok, api_is_record_id(cases[i].id));
    memset(long_id, 'a', sizeof long_id);
    long_id[128] = '\0';
    assert_true(api_is_record_id(long_id));
    long_id[128] = 'a';
    long_id[129] = '\0';
    assert_false(api_is_record_id(long_id));
}

static void test_prune_path(void **state)
{
    static const struct api_version version = {1, 45};
    static const char *const ids[] = {"abc", "de_f"};
    size_t used;
    (void)state;
    char *path = api_prune_path(version, ids, 2, true, &used);
    assert_int_equal(2, used);
    assert_string_equal(
        "/v1.45/build/prune?all=1&filters=%7B%22id%22%3A%7B%22%5E%28abc%7Cde_f%29%24"
        "%22%3Atrue%7D%7D",
        path);
    free(path);
    path = api_prune_path(version, ids, 1, false, &used);
    assert_string_equal("/v1.45/build/prune?filters=%7B%22id%22%3A%7B%22%5E%28abc%29%24"
                        "%22%3Atrue%7D%7D",
                        path);
    free(path);
}

static void test_prune_batches(void **state)
{
    static const struct api_version version = {1, 45};
    enum { MANY = 5000 };
    char **ids = mem_alloc(MANY * sizeof *ids);
    size_t next = 0, used, calls = 0;
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        ids[i] = mem_printf("id%023zu", i);
    for (; next < MANY; next += used, calls++) {
        char *path =
            api_prune_path(version, (const char *const *)ids + next, MANY - next, true, &used);
        assert_true(used >= 1 && used <= MANY - next);
        assert_true(strlen(path) < API_PRUNE_PATH_MAX);
        assert_non_null(strstr(path, ids[next]));
        assert_non_null(strstr(path, ids[next + used - 1]));
        free(path);
    }
    assert_int_equal(MANY, next);
    assert_int_equal(3, calls);
    for (size_t i = 0; i < MANY; i++)
        free(ids[i]);
    free(ids);
}

static void test_info(void **state)
{
    static const char json[] =
        "{\"ServerVersion\":\"26.1.5\",\"DockerRootDir\":\"/var/lib/docker\"}";
    struct api_info info;
    (void)state;
    assert_int_equal(0, api_parse_info(json, strlen(json), &info, NULL));
    assert_string_equal("26.1.5", info.version);
    assert_string_equal("/var/lib/docker", info.data_root);
    api_info_done(&info);
    assert_int_equal(0, api_parse_info("{\"ServerVersion\":7}", 19, &info, NULL));
    assert_null(info.version);
    assert_null(info.data_root);
    assert_int_equal(ERR_FORMAT, api_parse_info("x", 1, &info, NULL));
}

static void test_pruned(void **state)
{
    static const struct {
        const char *json;
        int code;
        size_t len;
        int64_t freed;
    } cases[] = {
        {"{\"CachesDeleted\":[\"a\",\"b\"],\"SpaceReclaimed\":5000000000}", 0, 2, 5000000000},
        {"{\"CachesDeleted\":null,\"SpaceReclaimed\":0}", 0, 0, 0},
        {"{\"SpaceReclaimed\":7}", 0, 0, 7},
        {"{\"CachesDeleted\":[\"a\",7,null]}", 0, 1, 0},
        {"{\"message\":\"no\"}", ERR_FORMAT, 0, 0},
        {"{}", ERR_FORMAT, 0, 0},
        {"", ERR_FORMAT, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct api_pruned pruned = {0};
        struct err err;
        assert_int_equal(cases[i].code,
                         api_parse_pruned(cases[i].json, strlen(cases[i].json), &pruned, &err));
        assert_int_equal(cases[i].len, pruned.ids_len);
        assert_int_equal(cases[i].freed, pruned.freed_bytes);
        api_pruned_done(&pruned);
    }
}

static void test_refusal(void **state)
{
    static const char json[] = "{\"message\":\"too\\u001b[1m new\"}";
    struct err err;
    (void)state;
    assert_int_equal(ERR_PEER, api_refusal(400, json, strlen(json), &err));
    assert_non_null(strstr(err.text, "the engine says: too"));
    assert_null(strchr(err.text, '\x1b'));
    assert_int_equal(ERR_PEER, api_refusal(502, "<html>", 6, &err));
    assert_string_equal("the engine answers with status 502", err.text);
    assert_int_equal(ERR_PEER, api_refusal(500, NULL, 0, &err));
}

/* ------------------------------------------------------------------ builders */

static void test_builders(void **state)
{
    /* as buildx 0.13 and later print it: the builder, then once for each node */
    static const char text[] =
        "{\"Current\":false,\"Builder\":{\"Name\":\"far\",\"Driver\":\"kubernetes\",\"Nodes\":"
        "[{\"Name\":\"far0\",\"Endpoint\":\"kubernetes:///far\",\"Status\":\"running\",\"Version\":"
        "\"v0.13.2\",\"Platforms\":[\"linux/amd64\",\"linux/arm64\",3]},null,{},"
        "{\"Name\":\"far1\",\"Endpoint\":\"other\"}]}}\n"
        "{\"Current\":false,\"Builder\":{\"Name\":\"far\",\"Driver\":\"again\"}}\n"
        "{\"Current\":true,\"Builder\":{\"Name\":\"default\",\"Driver\":\"docker\",\"Nodes\":"
        "[{\"Endpoint\":\"default\",\"Status\":\"error\",\"Err\":\"no daemon\"}]}}\n"
        "\n"
        "{\"Name\":\"bare\",\"Driver\":\"remote\",\"Nodes\":null,\"Err\":\"broken\",\"Current\":"
        "true}\n"
        "{\"Driver\":\"nameless\"}\n";
    struct builder_list list;
    (void)state;
    assert_int_equal(0, builders_parse(text, strlen(text), &list, NULL));
    assert_int_equal(3, list.len);
    const struct builder_entry *far = &list.items[0], *engine = &list.items[1],
                               *bare = &list.items[2];
    assert_string_equal("far", far->name);
    assert_string_equal("kubernetes", far->driver);
    assert_string_equal("kubernetes:///far", far->endpoint);
    assert_string_equal("running", far->status);
    assert_int_equal(2, far->nodes_len);
    assert_string_equal("far0", far->nodes[0].name);
    assert_string_equal("running", far->nodes[0].status);
    assert_string_equal("v0.13.2", far->nodes[0].version);
    assert_string_equal("linux/amd64, linux/arm64", far->nodes[0].platforms);
    assert_string_equal("other", far->nodes[1].endpoint);
    assert_string_equal("", far->nodes[1].status);
    assert_string_equal("", far->nodes[1].platforms);
    assert_null(far->error);
    assert_false(far->current);
    assert_string_equal("default", engine->name);
    assert_string_equal("no daemon", engine->error);
    assert_int_equal(1, engine->nodes_len);
    assert_string_equal("no daemon", engine->nodes[0].error);
    assert_true(engine->current);
    assert_string_equal("bare", bare->name);
    assert_string_equal("", bare->endpoint);
    assert_string_equal("broken", bare->error);
    assert_int_equal(0, bare->nodes_len);
    assert_true(bare->current);
    builder_list_free(&list);
    assert_int_equal(0, builders_parse("", 0, &list, NULL));
    assert_int_equal(0, list.len);
    builder_list_free(&list);
    assert_int_equal(ERR_FORMAT, builders_parse("NAME/NODE  DRIVER\n", 18, &list, NULL));
}

/* A BuildKit of its own behind driver "remote", beside the engine's. */
static void test_remote_builder(void **state)
{
    struct builder_list list;
    size_t len;
    char *text = data_read("engine/buildx-0.13-remote-ls.jsonl", &len);
    (void)state;
    assert_int_equal(0, builders_parse(text, len, &list, NULL));
    assert_int_equal(2, list.len);
    assert_string_equal("far", list.items[0].name);
    assert_string_equal("remote", list.items[0].driver);
    assert_string_equal("running", list.items[0].status);
    assert_false(list.items[0].current);
    assert_int_equal(1, list.items[0].nodes_len);
    assert_string_equal("far0", list.items[0].nodes[0].name);
    assert_string_equal("unix:///run/buildkit/buildkitd.sock", list.items[0].nodes[0].endpoint);
    assert_string_equal("linux/amd64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386",
                        list.items[0].nodes[0].platforms);
    assert_string_equal("default", list.items[1].name);
    assert_true(list.items[1].current);
    builder_list_free(&list);
    free(text);
}

static void test_builders_pruned(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        int64_t freed;
        const char *first;
    } cases[] = {
        {"engine/buildx-0.13-prune-all.txt", 3, 1150000, "qvhv5u3hdqfseufz8pofzp45p"},
        {"engine/buildx-0.13-prune-dangling.txt", 12, 311300, "apadyeblk2r1hhm5w02o6o7hg"},
        {"engine/buildx-0.36-prune-mounts.stdout.txt", 2, 2015000, "pirgfugz31sazt1gu1z61po7d"},
        {"engine/buildx-0.13-prune-two-ids.txt", 2, 30880, "a0denhdgv4xygmcvwbklvf858"},
        {"engine/buildx-0.13-remote-prune-one-id.txt", 1, 2688000, "hrimdx7nlbouwn2hasdma0leg"},
        {"engine/buildx-0.13-prune-type-exec.cachemount.txt", 2, 28670,
         "jj737rj7spho16lvuxsewt5v9"},
    };
    struct api_pruned pruned;
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        size_t len;
        char *text = data_read(cases[i].name, &len);
        assert_int_equal(0, builders_parse_pruned(text, len, &pruned, NULL));
        assert_int_equal(cases[i].len, pruned.ids_len);
        assert_int_equal(cases[i].freed, pruned.freed_bytes);
        assert_string_equal(cases[i].first, pruned.ids[0]);
        api_pruned_done(&pruned);
        free(text);
    }
    assert_int_equal(0, builders_parse_pruned("Total:\t0B\n", 10, &pruned, NULL));
    assert_int_equal(0, pruned.ids_len);
    api_pruned_done(&pruned);
    assert_int_equal(ERR_FORMAT, builders_parse_pruned("", 0, &pruned, NULL));
    assert_int_equal(ERR_FORMAT, builders_parse_pruned("Total: much\n", 12, &pruned, NULL));
}

static void test_docker_29(void **state)
{
    struct api_info info;
    struct api_pruned pruned;
    struct api_version version = {1, 52};
    struct err err;
    size_t len;
    (void)state;
    char *text = data_read("engine/api-1.55-info-part.json", &len);
    assert_int_equal(0, api_parse_info(text, len, &info, NULL));
    assert_string_equal("29.7.2", info.version);
    assert_true(info.containerd_store);
    api_info_done(&info);
    free(text);
    text = data_read("engine/api-1.55-build-prune.json", &len);
    assert_int_equal(0, api_parse_pruned(text, len, &pruned, NULL));
    assert_int_equal(6, pruned.ids_len);
    assert_int_equal(40960, pruned.freed_bytes);
    assert_string_equal("3oqqe71w91bcamlv3waold4bi", pruned.ids[0]);
    api_pruned_done(&pruned);
    free(text);
    static const char *const nothing[] = {"engine/api-1.55-build-prune-nothing.json",
                                          "engine/api-1.55-build-prune-reserved-space.json"};
    for (size_t i = 0; i < 2; i++) {
        text = data_read(nothing[i], &len);
        assert_int_equal(0, api_parse_pruned(text, len, &pruned, NULL));
        assert_int_equal(0, pruned.ids_len);
        api_pruned_done(&pruned);
        free(text);
    }
    text = data_read("engine/buildx-0.36-prune-nothing.stdout.txt", &len);
    assert_int_equal(0, builders_parse_pruned(text, len, &pruned, NULL));
    assert_int_equal(0, pruned.ids_len);
    api_pruned_done(&pruned);
    free(text);
    /* It speaks 1.40 to 1.55: 1.52 suits, and 1.39 would be raised to 1.40. */
    assert_int_equal(0, api_choose("1.55", &version, NULL));
    assert_int_equal(52, version.minor);
    text = data_read("engine/api-1.55-too-old.json", &len);
    assert_false(api_raise(&version, text, len));
    version = (struct api_version){1, 39};
    assert_true(api_raise(&version, text, len));
    assert_int_equal(40, version.minor);
    free(text);
    text = data_read("engine/api-1.55-too-new.json", &len);
    assert_false(api_raise(&version, text, len));
    assert_int_equal(ERR_PEER, api_refusal(400, text, len, &err));
    assert_non_null(strstr(err.text, "client version 1.60 is too new"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),       cmocka_unit_test(test_paths),
        cmocka_unit_test(test_remote_builder), cmocka_unit_test(test_record_ids),
        cmocka_unit_test(test_prune_path),     cmocka_unit_test(test_prune_batches),
        cmocka_unit_test(test_info),           cmocka_unit_test(test_pruned),
        cmocka_unit_test(test_refusal),        cmocka_unit_test(test_docker_29),
        cmocka_unit_test(test_builders),       cmocka_unit_test(test_builders_pruned),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
