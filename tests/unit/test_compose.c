#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/project/compose.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

static const struct {
    const char *entry, *key, *path;
} entry_cases[] = {
    {"type=local,dest=/x,mode=max", "dest", "/x"},
    {"dest=/x,type=local", "dest", "/x"},
    {"type=local,src=/x", "src", "/x"},
    {"type=local,src=/x", "dest", NULL},
    {"type=registry,ref=a/b:c", "dest", NULL},
    {"type=registry,dest=/x", "dest", NULL},
    {"a/b:c", "src", NULL},
    {"type=local,dest=", "dest", NULL},
    {"type=local", "dest", NULL},
    {"", "dest", NULL},
    {",", "dest", NULL},
    {"type=local,\"dest=/a,b\",mode=max", "dest", "/a,b"},
    {"\"type=local\",\"dest=/a\"\"b\"", "dest", "/a\"b"},
    {"type=local,\"dest=/a", "dest", "/a"},
    {"type=local,\"dest=/a\"junk,mode=max", "dest", "/a"},
    {" type = local,dest=/x", "dest", NULL}, /* the value is " local": buildx does not trim it */
    {" TYPE=local, Dest =/x", "dest", "/x"},
    {"type=local,dest=/a=b", "dest", "/a=b"},
    {"type=local,dest=/x y", "dest", "/x y"},
    {"type=local,dest=/x,dest=/y", "dest", "/y"},
    {"type=local,destination=/x", "dest", NULL},
};

static void test_entries(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof entry_cases / sizeof entry_cases[0]; i++) {
        char *path = compose_local_path(entry_cases[i].entry, entry_cases[i].key);
        if (entry_cases[i].path == NULL)
            assert_null(path);
        else
            assert_string_equal(path, entry_cases[i].path);
        free(path);
    }
}

static struct compose_project *parse(const char *json)
{
    struct compose_project *project = NULL;
    struct err err;
    int code = compose_parse(json, strlen(json), "/home/me/project", &project, &err);
    if (code < 0)
        assert_int_equal(code, ERR_FORMAT);
    return project;
}

/* A cache path as compose.yml may write it, and where it is. */
static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *written, *path;
    } cases[] = {
        {"/tmp/c/api", "/tmp/c/api"},
        {"/tmp/c/api/", "/tmp/c/api"},
        {"//tmp///c/./api/.", "/tmp/c/api"},
        {"cache", "/home/me/project/cache"},
        {"./cache/api", "/home/me/project/cache/api"},
        {"../cache", "/home/me/project/../cache"},
        {"/", "/"},
        {".", "/home/me/project"},
        {"/tmp/a$$b", "/tmp/a$b"},
        {"/tmp/$$$$", "/tmp/$$"},
        {"/tmp/.hidden/..x", "/tmp/.hidden/..x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *json = mem_printf("{\"services\":{\"a\":{\"build\":{\"context\":\"/c\","
                                "\"cache_to\":[\"type=local,dest=%s\"]}}}}",
                                cases[i].written);
        struct compose_project *project = parse(json);
        assert_int_equal(project->services[0].cache_to_len, 1);
        assert_string_equal(project->services[0].cache_to[0], cases[i].path);
        compose_project_free(project);
        free(json);
    }
}

static void test_maps_and_mixtures(void **state)
{
    (void)state;
    struct compose_project *project = parse(
        "{\"services\":{\"b\":{\"build\":{\"context\":\"/c\",\"target\":\"run$$time\","
        "\"cache_to\":[{\"type\":\"local\",\"dest\":\"/x\",\"mode\":\"max\",\"tag\":\"b\"},"
        "{\"type\":\"registry\",\"dest\":\"/no\"},{\"type\":\"local\"},7,null,"
        "\"type=local,dest=/y\"],"
        "\"cache_from\":[{\"type\":\"local\",\"src\":\"/x\"},\"image:tag\","
        "\"type=local,tag=of-c,src=/z\"]}},"
        "\"a\":{\"build\":{\"context\":\"https://x/y.git\",\"dockerfile_inline\":\"FROM x\"}},"
        "\"c\":{\"image\":\"x\"},\"d\":{\"build\":null},\"e\":null}}");
    assert_string_equal(project->name, "");
    assert_int_equal(project->services_len, 2);
    assert_int_equal(project->services_without_build, 3);
    assert_string_equal(project->services[0].name, "a");
    assert_null(project->services[0].dockerfile);
    assert_string_equal(project->services[0].context, "https://x/y.git");
    const struct compose_service *b = &project->services[1];
    assert_string_equal(b->target, "run$time");
    assert_int_equal(b->cache_to_len, 2);
    assert_string_equal(b->cache_to[0], "/x");
    assert_string_equal(b->cache_to[1], "/y");
    assert_string_equal(b->cache_to_tags[0], "b");
    assert_string_equal(b->cache_to_tags[1], "latest");
    assert_int_equal(b->cache_from_len, 2);
    assert_string_equal(b->cache_from_tags[0], "latest");
    assert_string_equal(b->cache_from[1], "/z");
    assert_string_equal(b->cache_from_tags[1], "of-c");
    compose_project_free(project);
}

static void test_not_a_project(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "null",
        "\"services\"",
        "{\"services\":[]}",
        "{\"services\":1}",
        "{\"services\":{}",
        "{\"services\":{\"a\":{\"build\":{\"context\":\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_null(parse(texts[i]));
    struct compose_project *project = parse("{}");
    assert_non_null(project);
    assert_int_equal(project->services_len, 0);
    compose_project_free(project);
    compose_project_free(NULL);
}

static void test_recorded(void **state)
{
    (void)state;
    static const char *const files[] = {"build/compose-2.26-config.json",
                                        "build/compose-2.40-config.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *json = data_read(files[i], NULL);
        struct compose_project *project = parse(json);
        assert_string_equal(project->name, "cfg");
        assert_string_equal(project->directory, "/home/me/project");
        assert_int_equal(project->services_len, 4);
        assert_int_equal(project->services_without_build, 1);
        assert_string_equal(project->services[0].name, "git");
        assert_string_equal(project->services[1].name, "listargs");
        assert_int_equal(project->services[1].cache_from_len, 0);
        const struct compose_service *service = &project->services[2];
        assert_string_equal(service->name, "orchestration");
        assert_string_equal(service->context, "/src/cfg/services/orch");
        assert_string_equal(service->dockerfile, "../../docker/Dockerfile.orch");
        assert_string_equal(service->target, "runtime");
        assert_int_equal(service->cache_to_len, 1);
        assert_string_equal(service->cache_to[0], "/tmp/docker-cache/orchestration");
        assert_int_equal(service->cache_from_len, 1);
        assert_string_equal(service->cache_from[0], "/tmp/docker-cache/orchestration");
        compose_project_free(project);
        free(json);
    }
}

static void test_in_sight(void **state)
{
    (void)state;
    char *dir = tempdir_new();
    dir_make(dir, "src");
    dir_make(dir, "src/app");
    char *src = path_join(dir, "src"), *app = path_join(dir, "src/app");
    unsetenv("COMPOSE_FILE");
    assert_false(compose_in_sight(app));
    file_write_text(dir, "src/.env", "A=1\nCOMPOSE_FILE=other.yml\n");
    assert_true(compose_in_sight(src));
    assert_false(compose_in_sight(app));
    file_write_text(dir, "src/docker-compose.yml", "");
    assert_true(compose_in_sight(app));
    setenv("COMPOSE_FILE", "elsewhere.yml", 1);
    assert_true(compose_in_sight(dir));
    unsetenv("COMPOSE_FILE");
    assert_false(compose_in_sight(dir));
    free(src);
    free(app);
    tempdir_free(dir);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),           cmocka_unit_test(test_paths),
        cmocka_unit_test(test_maps_and_mixtures), cmocka_unit_test(test_not_a_project),
        cmocka_unit_test(test_recorded),          cmocka_unit_test(test_in_sight),
    };
    return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
