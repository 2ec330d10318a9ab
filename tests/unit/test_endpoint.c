#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/endpoint.h"
#include "core/engine/engine_error.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define DEFAULT_SOCKET "/var/run/docker.sock"

static char *home;

static int setup(void **state)
{
    (void)state;
    home = tempdir_new();
    setenv("HOME", home, 1);
    unsetenv("DOCKER_CONFIG");
    unsetenv("DOCKER_HOST");
    unsetenv("DOCKER_CONTEXT");
    file_write_text(home, ".docker/contexts/meta/1111/meta.json",
                    "{\"Name\":\"far\",\"Metadata\":{},\"Endpoints\":{\"docker\":"
                    "{\"Host\":\"ssh://me@far\",\"SkipTLSVerify\":false}}}");
    file_write_text(home, ".docker/contexts/meta/2222/meta.json",
                    "{\"Name\":\"rootless\",\"Endpoints\":{\"docker\":"
                    "{\"Host\":\"unix:///run/user/1/docker.sock\"}}}");
    file_write_text(home, ".docker/contexts/meta/3333/meta.json",
                    "{\"Name\":\"bare\",\"Endpoints\":{}}");
    file_write_text(home, ".docker/contexts/meta/4444/meta.json", "{broken");
    dir_make(home, ".docker/contexts/meta/5555/meta.json");
    file_write_text(home, ".docker/contexts/meta/stray", "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tempdir_free(home);
    return 0;
}

static void check(const char *asked, const char *context, const char *host, const char *socket)
{
    struct endpoint endpoint;
    struct err err;
    assert_int_equal(0, endpoint_find(asked, &endpoint, &err));
    assert_string_equal(context, endpoint.context);
    assert_string_equal(host, endpoint.host);
    if (socket != NULL)
        assert_string_equal(socket, endpoint.socket_path);
    else
        assert_null(endpoint.socket_path);
    endpoint_done(&endpoint);
}

static void test_default(void **state)
{
    (void)state;
    check(NULL, "default", "unix://" DEFAULT_SOCKET, DEFAULT_SOCKET);
    check("", "default", "unix://" DEFAULT_SOCKET, DEFAULT_SOCKET);
    check("default", "default", "unix://" DEFAULT_SOCKET, DEFAULT_SOCKET);
}

static void test_named(void **state)
{
    (void)state;
    check("far", "far", "ssh://me@far", NULL);
    check("rootless", "rootless", "unix:///run/user/1/docker.sock", "/run/user/1/docker.sock");
    check("bare", "bare", "unix://" DEFAULT_SOCKET, DEFAULT_SOCKET);
}

/* The order of docker/cli: asked for, DOCKER_HOST, DOCKER_CONTEXT, config.json. */
static void test_order(void **state)
{
    (void)state;
    file_write_text(home, ".docker/config.json", "{\"currentContext\":\"far\"}");
    check(NULL, "far", "ssh://me@far", NULL);
    setenv("DOCKER_CONTEXT", "rootless", 1);
    check(NULL, "rootless", "unix:///run/user/1/docker.sock", "/run/user/1/docker.sock");
    setenv("DOCKER_HOST", "tcp://1.2.3.4:2375", 1);
    check(NULL, "default", "tcp://1.2.3.4:2375", NULL);
    check("far", "far", "ssh://me@far", NULL);
    check("default", "default", "tcp://1.2.3.4:2375", NULL);
    setenv("DOCKER_HOST", "unix://", 1);
    check(NULL, "default", "unix://", DEFAULT_SOCKET);
    setenv("DOCKER_HOST", "", 1);
    setenv("DOCKER_CONTEXT", "", 1);
    check(NULL, "far", "ssh://me@far", NULL);
}

static void test_config(void **state)
{
    (void)state;
    static const char *const configs[] = {
        "",
        "{}",
        "{broken",
        "[]",
        "{\"currentContext\":\"\"}",
        "{\"currentContext\":7}",
        "{\"currentContext\":\"default\"}",
    };
    for (size_t i = 0; i < LEN(configs); i++) {
        file_write_text(home, ".docker/config.json", configs[i]);
        check(NULL, "default", "unix://" DEFAULT_SOCKET, DEFAULT_SOCKET);
    }
    /* a configuration kept elsewhere, by variable or by symlink */
    file_write_text(home, "dotfiles/config.json", "{\"currentContext\":\"far\"}");
    char *file = path_join(home, ".docker/config.json"), *other = path_join(home, "dotfiles");
    unlink(file);
    assert_int_equal(0, symlink("../dotfiles/config.json", file));
    check(NULL, "far", "ssh://me@far", NULL);
    setenv("DOCKER_CONFIG", other, 1);
    struct err err;
    struct endpoint endpoint;
    assert_int_equal(ERR_USAGE, endpoint_find(NULL, &endpoint, &err));
    free(file);
    free(other);
}

static void test_missing(void **state)
{
    struct endpoint endpoint = {0};
    struct err err;
    (void)state;
    assert_int_equal(ERR_USAGE, endpoint_find("nosuch", &endpoint, &err));
    assert_string_equal("there is no docker context \"nosuch\": see docker context ls", err.text);
    assert_null(endpoint.context);
    setenv("HOME", "/nonexistent", 1);
    assert_int_equal(ERR_USAGE, endpoint_find("far", &endpoint, &err));
    check(NULL, "default", "unix://" DEFAULT_SOCKET, DEFAULT_SOCKET);
}

static void check_context(const struct docker_context *context, const char *name, const char *host,
                          bool current)
{
    assert_string_equal(name, context->name);
    assert_string_equal(host, context->host);
    assert_int_equal(current, context->current);
}

static void test_list(void **state)
{
    struct docker_context *contexts;
    size_t len;
    (void)state;
    file_write_text(home, ".docker/contexts/meta/6666/meta.json",
                    "{\"Name\":\"default\",\"Endpoints\":{\"docker\":{\"Host\":\"ssh://trap\"}}}");
    file_write_text(home, ".docker/contexts/meta/7777/meta.json",
                    "{\"Name\":\"zoo\",\"Metadata\":{\"Description\":\"animals\"},"
                    "\"Endpoints\":{\"docker\":{\"Host\":\"tcp://z\"}}}");
    endpoint_contexts("far", NULL, &contexts, &len);
    assert_int_equal(5, len);
    check_context(&contexts[0], "default", "unix://" DEFAULT_SOCKET, false);
    check_context(&contexts[1], "bare", "unix://" DEFAULT_SOCKET, false);
    check_context(&contexts[2], "far", "ssh://me@far", true);
    check_context(&contexts[3], "rootless", "unix:///run/user/1/docker.sock", false);
    check_context(&contexts[4], "zoo", "tcp://z", false);
    assert_string_equal("animals", contexts[4].description);
    docker_contexts_free(contexts, len);
    setenv("DOCKER_HOST", "tcp://1.2.3.4:2375", 1);
    endpoint_contexts(NULL, NULL, &contexts, &len);
    check_context(&contexts[0], "default", "tcp://1.2.3.4:2375", false);
    docker_contexts_free(contexts, len);
    endpoint_contexts(NULL, "unix:///given", &contexts, &len);
    check_context(&contexts[0], "default", "unix:///given", false);
    docker_contexts_free(contexts, len);
    setenv("DOCKER_CONFIG", "/nonexistent", 1);
    endpoint_contexts("default", "", &contexts, &len);
    assert_int_equal(1, len);
    check_context(&contexts[0], "default", "unix://" DEFAULT_SOCKET, true);
    docker_contexts_free(contexts, len);
}

static void test_trouble(void **state)
{
    static char none[] = "", path[] = "/run/d.sock", far[] = "ssh://far";
    static const struct endpoint on_socket = {none, none, path};
    static const struct endpoint behind = {none, far, NULL};
    static const struct {
        const struct endpoint *endpoint;
        int code;
        const char *words, *text;
    } cases[] = {
        {&on_socket, -ENOENT, "", "no engine answers on /run/d.sock: is dockerd running?"},
        {&on_socket, -ECONNREFUSED, "", "no engine answers on /run/d.sock: is dockerd running?"},
        {&on_socket, -EACCES, "",
         "no permission for /run/d.sock: sudo usermod -aG docker $USER, then log in anew; or use "
         "sudo"},
        {&on_socket, ERR_TIMEOUT, "",
         "the engine on /run/d.sock does not answer when asked for its records: is it hung?"},
        {&on_socket, -ECONNRESET, "closed the connection without an answer",
         "the engine on /run/d.sock broke off when asked for its records: it closed the connection "
         "without an answer"},
        {&on_socket, ERR_PEER, "the engine says: no", "asked for its records, the engine says: no"},
        {&on_socket, ERR_FORMAT, "the answer is not HTTP",
         "what answers on /run/d.sock does not speak as an engine does: the answer is not HTTP"},
        {&on_socket, -EMFILE, "connecting: too many open files",
         "the engine on /run/d.sock, asked for its records: connecting: too many open files"},
        {&behind, -ENOENT, "", "docker was not found in PATH: ssh://far is reached through it"},
        {&behind, ERR_PEER, "ssh: no route", "ssh://far: ssh: no route"},
        {&behind, ERR_TIMEOUT, "",
         "the engine on ssh://far does not answer when asked for its records: is it hung?"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct err err, words;
        err_set(&err, cases[i].code, "%s", cases[i].words);
        engine_error_explain(cases[i].endpoint, "its records", &err, &words);
        assert_string_equal(cases[i].text, words.text);
        assert_int_equal(cases[i].code, words.code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_default, setup, teardown),
        cmocka_unit_test_setup_teardown(test_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test(test_trouble),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
