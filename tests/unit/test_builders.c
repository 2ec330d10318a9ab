#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/engine/builders.h"
#include "tests/support/fake_tool.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

struct fixture {
    struct loop_fixture loop;
    char *dir;
    struct builders_request *request;
    /* what came back */
    bool done;
    struct err err; /* code 0: none */
    struct builder_list list;
    struct records records;
    size_t deleted;
    int64_t freed_bytes;
};

static void open_fixture(struct fixture *fixture, const char *docker)
{
    *fixture = (struct fixture){0};
    loop_open(&fixture->loop, 10000);
    fixture->dir = tempdir_new();
    if (docker != NULL)
        fake_tool(fixture->dir, "docker", docker);
    char *data = path_join(getenv("BILGE_TEST_DATA"), "engine");
    setenv("DATA", data, 1);
    setenv("CALLS", fixture->dir, 1);
    free(data);
    fake_path_set(fixture->dir);
}

static void close_fixture(struct fixture *fixture)
{
    fake_path_restore();
    loop_finish(&fixture->loop);
    tempdir_free(fixture->dir);
    builder_list_free(&fixture->list);
    records_free(&fixture->records);
}

static void over(struct fixture *fixture, const struct err *err)
{
    assert_false(fixture->done);
    fixture->done = true;
    if (err != NULL)
        fixture->err = *err;
}

static void on_list(void *arg, struct builder_list *list, const struct err *err)
{
    struct fixture *fixture = arg;
    assert_true((list == NULL) != (err == NULL));
    if (list != NULL)
        fixture->list = *list;
    over(fixture, err);
}

static void on_records(void *arg, struct records *records, const struct err *err)
{
    struct fixture *fixture = arg;
    assert_true((records == NULL) != (err == NULL));
    if (records != NULL)
        fixture->records = *records;
    over(fixture, err);
}

static void on_pruned(void *arg, char *const *deleted, size_t deleted_len, int64_t freed_bytes,
                      const struct err *err)
{
    struct fixture *fixture = arg;
    for (size_t i = 0; i < deleted_len; i++)
        assert_true(api_is_record_id(deleted[i]));
    fixture->deleted = deleted_len;
    fixture->freed_bytes = freed_bytes;
    over(fixture, err);
}

static void list(struct fixture *fixture)
{
    assert_int_equal(
        0, builders_list(&fixture->loop.loop, on_list, fixture, &fixture->request, &fixture->err));
    assert_false(fixture->done);
    loop_wait(&fixture->loop, &fixture->done);
}

static struct builder_entry *only(struct builder_list *list)
{
    assert_int_equal(1, list->len);
    return &list->items[0];
}

/* buildx 0.36, docker-container: as it runs, as it was stopped, removed, and hung. */
static void test_newest_lists(void **state)
{
    static const struct {
        const char *file, *name, *status, *error, *version; /* of the first builder */
        size_t builders;
    } cases[] = {
        {"buildx-0.36-ls-json-container-running.stdout.jsonl", "bk", "running", NULL, "v0.32.2", 2},
        {"buildx-0.36-ls-json-container-stopped.stdout.jsonl", "bk", "stopped", NULL, "", 2},
        {"buildx-0.36-ls-json-container-inactive.stdout.jsonl", "bk", "inactive", NULL, "", 2},
        {"buildx-0.36-ls-json-container-hung.stdout.jsonl", "bk", "error", "DeadlineExceeded", "",
         2},
        {"buildx-0.36-ls-json.stdout.jsonl", "default", "running", NULL, "v0.32.2", 1},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct builder_list list;
        size_t len;
        char *path = mem_printf("engine/%s", cases[i].file), *text = data_read(path, &len);
        assert_int_equal(0, builders_parse(text, len, &list, NULL));
        assert_int_equal(cases[i].builders, list.len);
        const struct builder_entry *entry = &list.items[0];
        assert_string_equal(cases[i].name, entry->name);
        assert_string_equal(cases[i].status, entry->status);
        assert_int_equal(1, entry->nodes_len);
        assert_string_equal(cases[i].version, entry->nodes[0].version);
        assert_true((cases[i].error != NULL) == (entry->error != NULL));
        if (cases[i].error != NULL)
            assert_non_null(strstr(entry->error, cases[i].error));
        assert_true(entry->current);
        assert_string_equal("default", list.items[list.len - 1].name);
        assert_string_equal("running", list.items[list.len - 1].status);
        builder_list_free(&list);
        free(path);
        free(text);
    }
}

static void test_inspect(void **state)
{
    struct builder_list list;
    size_t len;
    (void)state;
    char *text = data_read("engine/buildx-0.36-inspect-container.stdout.txt", &len);
    assert_int_equal(0, builders_parse_inspect(text, len, &list, NULL));
    struct builder_entry *entry = only(&list);
    assert_string_equal("bk", entry->name);
    assert_string_equal("docker-container", entry->driver);
    assert_string_equal("unix:///var/run/docker.sock", entry->endpoint);
    assert_string_equal("running", entry->status);
    assert_null(entry->error);
    assert_int_equal(1, entry->nodes_len);
    assert_string_equal("bk0", entry->nodes[0].name);
    assert_string_equal("v0.32.2", entry->nodes[0].version);
    assert_string_equal("linux/amd64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386",
                        entry->nodes[0].platforms);
    builder_list_free(&list);
    free(text);
    /* Constructed from buildx' source: several nodes, one of which does not answer; pods
     * of the kubernetes driver. */
    static const char pods[] =
        "Name:          kube\nDriver:        kubernetes\n\nNodes:\n"
        "Name:     kube0-5d8\nEndpoint: kubernetes:///kube?deployment=kube0\n"
        "Error:    no pods\n\n"
        "Name:     kube0-77c\nEndpoint: kubernetes:///kube?deployment=kube0\n"
        "Status:   running\nBuildkit: v0.13.2\nLabels:\n Name: no node\n";
    assert_int_equal(0, builders_parse_inspect(pods, sizeof pods - 1, &list, NULL));
    entry = only(&list);
    assert_string_equal("kubernetes", entry->driver);
    assert_string_equal("running", entry->status);
    assert_null(entry->error);
    assert_int_equal(2, entry->nodes_len);
    assert_string_equal("no pods", entry->nodes[0].error);
    assert_string_equal("v0.13.2", entry->nodes[1].version);
    builder_list_free(&list);
    static const char *const strange[] = {"", "Name: x\n", "Nodes:\nName: x\n", "Status: running"};
    for (size_t i = 0; i < LEN(strange); i++)
        assert_int_equal(ERR_FORMAT,
                         builders_parse_inspect(strange[i], strlen(strange[i]), &list, NULL));
}

static void test_stored(void **state)
{
    struct builder_list list;
    char *dir = tempdir_new();
    (void)state;
    setenv("BUILDX_CONFIG", dir, 1);
    builders_read("unix:///x.sock", &list);
    assert_int_equal(0, list.len);
    file_write_text(dir, "instances/zed",
                    "{\"Name\":\"zed\",\"Driver\":\"remote\",\"Nodes\":["
                    "{\"Name\":\"zed0\",\"Endpoint\":\"tcp://far:1234\"},"
                    "{\"Name\":\"zed1\",\"Endpoint\":\"tcp://near:1\"}]}");
    file_write_text(dir, "instances/bk", "{\"Driver\":\"docker-container\"}");
    file_write_text(dir, "instances/broken", "{\"Driver");
    file_write_text(dir, "instances/.tmp-x", "{}");
    file_write_text(dir, "current", "{\"Key\":\"unix:///x.sock\",\"Name\":\"zed\"}");
    builders_read("unix:///x.sock", &list);
    assert_int_equal(2, list.len);
    assert_string_equal("bk", list.items[0].name);
    assert_false(list.items[0].current);
    assert_string_equal("remote", list.items[1].driver);
    assert_string_equal("tcp://far:1234", list.items[1].endpoint);
    assert_int_equal(2, list.items[1].nodes_len);
    assert_true(list.items[1].current);
    builder_list_free(&list);
    builders_read("unix:///other.sock", &list);
    assert_false(list.items[1].current);
    builder_list_free(&list);
    file_write_text(dir, "current", "{\"Key\":\"x\",\"Name\":\"zed\",\"Global\":true}");
    builders_read(NULL, &list);
    assert_true(list.items[1].current);
    builder_list_free(&list);
    unsetenv("BUILDX_CONFIG");
    tempdir_free(dir);
}

static void test_list(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture,
                 "[ \"$1 $2 $3\" = 'buildx ls --format' ] && cat $DATA/buildx-0.13-ls.jsonl");
    list(&fixture);
    assert_int_equal(0, fixture.err.code);
    assert_int_equal(2, fixture.list.len);
    assert_string_equal("other", fixture.list.items[0].name);
    assert_string_equal("docker-container", fixture.list.items[0].driver);
    assert_string_equal("inactive", fixture.list.items[0].status);
    assert_false(fixture.list.items[0].current);
    assert_string_equal("default", fixture.list.items[1].name);
    assert_string_equal("docker", fixture.list.items[1].driver);
    assert_string_equal("default", fixture.list.items[1].endpoint);
    assert_true(fixture.list.items[1].current);
    close_fixture(&fixture);
}

static void test_failures(void **state)
{
    static const struct {
        const char *docker;
        int code;
        const char *words;
    } cases[] = {
        {"echo \"docker: 'buildx' is not a docker command.\" >&2; echo \"See 'docker --help'\" "
         ">&2; "
         "exit 1",
         ERR_UNSUPPORTED, "docker buildx is not installed"},
        {"echo 'unknown flag: --format' >&2; echo \"See 'docker --help'.\" >&2; exit 125",
         ERR_UNSUPPORTED, "docker buildx is not installed"},
        {"echo 'unknown flag: --format' >&2; echo \"See 'docker buildx ls --help'.\" >&2; exit 125",
         ERR_UNSUPPORTED, "docker buildx is older than 0.13"},
        {"echo noise >&2; echo 'ERROR: it is broken' >&2; exit 1", ERR_PEER,
         "docker buildx ls: it is broken"},
        {"exit 3", ERR_PEER, "docker buildx ls: it gave no reason"},
        {"kill -9 $$", ERR_PEER, "docker buildx ls: it gave no reason"},
        {"echo NAME DRIVER", ERR_FORMAT, "a line of docker buildx ls is not a JSON object"},
        {"yes", ERR_LIMIT, "docker buildx ls: more than 4194304 bytes of output"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        open_fixture(&fixture, cases[i].docker);
        list(&fixture);
        assert_int_equal(cases[i].code, fixture.err.code);
        assert_string_equal(cases[i].words, fixture.err.text);
        close_fixture(&fixture);
    }
}

static void test_no_docker(void **state)
{
    struct fixture fixture;
    struct loop_fixture *loop = &fixture.loop;
    struct err err;
    (void)state;
    open_fixture(&fixture, NULL);
    assert_int_equal(-ENOENT,
                     builders_list(&loop->loop, on_list, &fixture, &fixture.request, &err));
    assert_string_equal("docker was not found in PATH", err.text);
    assert_int_equal(-ENOENT, builders_records(&loop->loop, "b", NULL, on_records, &fixture,
                                               &fixture.request, &err));
    static const char *const ids[] = {"abc"};
    assert_int_equal(-ENOENT, builders_prune(&loop->loop, "b", NULL, ids, 1, true, on_pruned,
                                             &fixture, &fixture.request, &err));
    close_fixture(&fixture);
    assert_false(fixture.done);
}

static void test_records(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture, "[ \"$*\" = 'buildx du --builder=-odd name --verbose' ] && "
                           "cat $DATA/buildx-0.29-du-verbose.stdout.txt");
    assert_int_equal(0, builders_records(&fixture.loop.loop, "-odd name", NULL, on_records,
                                         &fixture, &fixture.request, NULL));
    loop_wait(&fixture.loop, &fixture.done);
    assert_int_equal(0, fixture.err.code);
    assert_int_equal(17, fixture.records.len);
    close_fixture(&fixture);

    open_fixture(&fixture, "echo 'ERROR: no builder \"x\" found' >&2; exit 1");
    assert_int_equal(0, builders_records(&fixture.loop.loop, "x", NULL, on_records, &fixture,
                                         &fixture.request, NULL));
    loop_wait(&fixture.loop, &fixture.done);
    assert_string_equal("docker buildx du: no builder \"x\" found", fixture.err.text);
    close_fixture(&fixture);
}

static void test_prune(void **state)
{
    static const char *const ids[] = {"abc", "def"};
    static const char *const bad[] = {"abc", "d|e"};
    struct fixture fixture;
    struct err err;
    (void)state;
    for (int all = 0; all < 2; all++) {
        open_fixture(&fixture, "echo \"$*\" >>$CALLS/calls; cat $DATA/buildx-0.13-prune-all.txt");
        uv_loop_t *loop = &fixture.loop.loop;
        assert_int_equal(ERR_USAGE, builders_prune(loop, "b", NULL, bad, 2, all, on_pruned,
                                                   &fixture, &fixture.request, &err));
        assert_int_equal(ERR_USAGE, builders_prune(loop, "b", NULL, bad, 0, all, on_pruned,
                                                   &fixture, &fixture.request, &err));
        assert_int_equal(0, builders_prune(loop, "b", NULL, ids, 2, all, on_pruned, &fixture,
                                           &fixture.request, &err));
        loop_wait(&fixture.loop, &fixture.done);
        assert_int_equal(3, fixture.deleted);
        assert_int_equal(1150000, fixture.freed_bytes);
        char *calls = file_read(fixture.dir, "calls", NULL);
        assert_string_equal(all ? "buildx prune --builder=b --force --filter=id=^(abc|def)$ --all\n"
                                : "buildx prune --builder=b --force --filter=id=^(abc|def)$\n",
                            calls);
        free(calls);
        close_fixture(&fixture);
    }
}

/* Many ids go in several calls; what the first ones deleted is told also when
 * a later one fails. */
static void test_prune_in_parts(void **state)
{
    enum { MANY = 5000 };
    static char names[MANY][32];
    static const char *ids[MANY];
    static const char *const dockers[] = {
        "echo x >>$CALLS/calls; cat $DATA/buildx-0.13-prune-all.txt",
        "echo x >>$CALLS/calls; [ $(grep -c x $CALLS/calls) = 1 ] || { echo ERROR: gone >&2; exit "
        "1; };"
        "cat $DATA/buildx-0.13-prune-all.txt",
    };
    static const size_t calls_made[] = {2, 2}, deleted[] = {6, 3};
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "id%04zu-----------------", i);
        ids[i] = names[i];
    }
    for (size_t i = 0; i < LEN(dockers); i++) {
        struct fixture fixture;
        open_fixture(&fixture, dockers[i]);
        assert_int_equal(0, builders_prune(&fixture.loop.loop, "b", NULL, ids, MANY, true,
                                           on_pruned, &fixture, &fixture.request, NULL));
        loop_wait(&fixture.loop, &fixture.done);
        char *calls = file_read(fixture.dir, "calls", NULL);
        assert_int_equal(2 * calls_made[i], strlen(calls));
        assert_int_equal(deleted[i], fixture.deleted);
        assert_string_equal(i == 0 ? "" : "docker buildx prune: gone", fixture.err.text);
        free(calls);
        close_fixture(&fixture);
    }
}

static void test_cancel(void **state)
{
    static const char *const ids[] = {"abc"};
    (void)state;
    for (int what = 0; what < 4; what++) {
        struct fixture fixture;
        struct builders_request **request = &fixture.request;
        open_fixture(&fixture,
                     what == 3 ? "cat $DATA/buildx-0.13-du-verbose.txt" : "exec sleep 60");
        uv_loop_t *loop = &fixture.loop.loop;
        int code =
            what == 0 ? builders_list(loop, on_list, &fixture, request, NULL)
            : what == 1
                ? builders_prune(loop, "b", NULL, ids, 1, true, on_pruned, &fixture, request, NULL)
                : builders_records(loop, "b", NULL, on_records, &fixture, request, NULL);
        assert_int_equal(0, code);
        for (int i = 0; i < 5; i++)
            uv_run(loop, UV_RUN_NOWAIT);
        if (!fixture.done)
            builders_cancel(fixture.request);
        bool done = fixture.done;
        close_fixture(&fixture);
        assert_int_equal(done, fixture.done);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),           cmocka_unit_test(test_newest_lists),
        cmocka_unit_test(test_inspect),        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_failures),       cmocka_unit_test(test_no_docker),
        cmocka_unit_test(test_records),        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_prune_in_parts), cmocka_unit_test(test_cancel),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
