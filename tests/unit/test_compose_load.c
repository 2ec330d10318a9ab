/* What compose says when it can't tell the project, and what bilge makes of
 * it. The tools are scripts with the words of real ones. */
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
#include "core/builds/project/compose.h"
#include "tests/support/fake_tool.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"

#define PROJECT "{\"name\":\"p\",\"services\":{\"api\":{\"build\":{\"context\":\"/c\"}}}}"

struct answer {
    bool came;
    int code;
    char *text;
    size_t services_len;
    char *directory;
};

static void on_loaded(void *arg, struct compose_project *project, const struct err *err)
{
    struct answer *answer = arg;
    answer->came = true;
    answer->code = err != NULL ? err->code : 0;
    answer->text = mem_strdup(err != NULL ? err->text : "");
    answer->services_len = project != NULL ? project->services_len : 0;
    answer->directory = project != NULL ? mem_strdup(project->directory) : NULL;
    compose_project_free(project);
}

static struct answer load(const char *docker, const char *standalone, const char *file)
{
    char *bin = tempdir_new(), *project = tempdir_new();
    struct loop_fixture fixture;
    struct compose_load *compose_load_;
    struct answer answer = {0};
    struct err err;
    if (docker != NULL)
        fake_tool(bin, "docker", docker);
    if (standalone != NULL)
        fake_tool(bin, "docker-compose", standalone);
    fake_path_set(bin);
    loop_open(&fixture, 20000);
    int code = compose_load(&fixture.loop, file, project, on_loaded, &answer, &compose_load_, &err);
    if (code < 0) {
        answer.code = code;
        answer.text = mem_strdup(err.text);
    } else {
        assert_false(answer.came);
        loop_wait(&fixture, &answer.came);
    }
    loop_finish(&fixture);
    fake_path_restore();
    if (answer.directory != NULL)
        assert_string_equal(answer.directory, project);
    tempdir_free(bin);
    tempdir_free(project);
    return answer;
}

#define NO_PLUGIN "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"
#define NO_PLUGIN_28 "echo 'docker: unknown command: docker compose' >&2; exit 1"
#define NO_PLUGIN_FLAG "echo 'unknown flag: --profile' >&2; exit 125"
#define SAYS(line) "echo 'time=\"x\" level=warning msg=\"y\"' >&2; echo '" line "' >&2; exit 15"

static const struct {
    const char *docker, *standalone; /* scripts; NULL: there is no such program */
    int code;
    const char *text; /* stands in the error */
} cases[] = {
    {"echo '" PROJECT "'", NULL, 0, ""},
    {"echo 'level=warning msg=\"X is not set\"' >&2; echo '" PROJECT "'", NULL, 0, ""},
    {NULL, "echo '" PROJECT "'", 0, ""},
    {NO_PLUGIN, "echo '" PROJECT "'", 0, ""},
    {NO_PLUGIN_28, "echo '" PROJECT "'", 0, ""},
    {NO_PLUGIN_FLAG, "echo '" PROJECT "'", 0, ""},
    {NULL, NULL, ERR_PEER, "neither docker nor docker-compose"},
    {NO_PLUGIN, NULL, ERR_UNSUPPORTED, "no compose plugin"},
    {NO_PLUGIN, "echo 'Usage: config [options]'; exit 1", ERR_UNSUPPORTED, "version 1"},
    {NULL, "echo 'Usage: config [options]'; exit 0", ERR_UNSUPPORTED, "version 1"}, /* 1.29 */
    {NO_PLUGIN, "echo \"services.a.build contains unsupported option: 'cache_to'\" >&2; exit 1",
     ERR_UNSUPPORTED, "version 1"},
    {SAYS("no configuration file provided: not found"), NULL, -ENOENT, "no compose file in /"},
    {SAYS("open /x/c.yml: no such file or directory"), NULL, ERR_PEER,
     "docker compose: open /x/c.yml: no such file or directory"},
    {SAYS("yaml: line 2: found character that cannot start any token"), NULL, ERR_PEER,
     "yaml: line 2: found character"},
    {SAYS("validating /x/compose.yml: services.a Additional property buildx is not allowed"), NULL,
     ERR_PEER, "Additional property buildx"},
    {SAYS("error while interpolating services.a.image: required variable X is missing a value: m"),
     NULL, ERR_PEER, "required variable X"},
    {SAYS("empty compose file"), NULL, ERR_PEER, "is empty"},
    {"exit 3", NULL, ERR_PEER, "ended with status 3"},
    {"kill -9 $$", NULL, ERR_PEER, "ended with status 137"},
    {"echo nonsense", NULL, ERR_FORMAT, "not its JSON"},
    {"true", NULL, ERR_FORMAT, "not its JSON"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = load(cases[i].docker, cases[i].standalone, NULL);
        if (strstr(answer.text, cases[i].text) == NULL)
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].text, answer.text);
        assert_null(strchr(answer.text, '\n'));
        assert_int_equal(answer.code, cases[i].code);
        assert_int_equal(answer.services_len, cases[i].code == 0);
        free(answer.text);
        free(answer.directory);
    }
}

static void test_arguments(void **state)
{
    (void)state;
    struct answer answer = load("echo \"$*\" >&2; exit 1", NULL, "other.yml");
    assert_string_equal(answer.text, "docker compose: compose -f other.yml --profile * config "
                                     "--format json");
    free(answer.text);
    /* No option, and not the standard input. */
    answer = load("echo \"$*\" >&2; exit 1", NULL, "-o");
    assert_string_equal(answer.text, "docker compose: compose -f ./-o --profile * config "
                                     "--format json");
    free(answer.text);
    answer = load("echo \"$*\" >&2; exit 1", NULL, "-");
    assert_string_equal(answer.text, "docker compose: compose -f ./- --profile * config "
                                     "--format json");
    free(answer.text);
}

static void test_no_directory(void **state)
{
    (void)state;
    struct loop_fixture fixture;
    struct compose_load *none;
    struct err err;
    loop_open(&fixture, 5000);
    assert_int_equal(
        compose_load(&fixture.loop, NULL, "/nowhere/at/all", on_loaded, NULL, &none, &err),
        -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    loop_finish(&fixture);
}

static void test_cancel(void **state)
{
    (void)state;
    char *bin = tempdir_new();
    struct loop_fixture fixture;
    struct compose_load *started;
    struct answer answer = {0};
    fake_tool(bin, "docker", "exec sleep 600");
    fake_path_set(bin);
    loop_open(&fixture, 20000);
    assert_int_equal(compose_load(&fixture.loop, NULL, NULL, on_loaded, &answer, &started, NULL),
                     0);
    compose_load_cancel(started);
    loop_finish(&fixture);
    assert_false(answer.came);
    fake_path_restore();
    tempdir_free(bin);
}

int main(void)
{
    setenv("COMPOSE_FILE", "compose.yml", 1); /* a project is in sight */
    limit_program(120);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_no_directory),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests_name("compose_load", tests, NULL, NULL);
}
