/* Which way a build goes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/run/compat.h"
#include "tests/support/tempdir.h"

static const struct {
    const char *json;
    const char *engine, *buildx;
    enum compat_answer exports;
    bool rootless, told_plugins;
} infos[] = {
    {"{\"ServerVersion\":\"26.1.5+dfsg1\",\"DriverStatus\":[[\"driver-type\","
     "\"io.containerd.snapshotter.v1\"]],\"SecurityOptions\":[\"name=seccomp,profile=builtin\","
     "\"name=rootless\"],\"ClientInfo\":{\"Plugins\":[{\"Name\":\"buildx\",\"Version\":\"0.13.1\"},"
     "{\"Name\":\"compose\",\"Version\":\"2.26.1\"}]}}",
     "26.1.5+dfsg1", "0.13.1", COMPAT_YES, true, true},
    {"{\"ServerVersion\":\"20.10.24\",\"DriverStatus\":[[\"Backing Filesystem\",\"extfs\"]],"
     "\"ClientInfo\":{\"Plugins\":[]}}",
     "20.10.24", "", COMPAT_NO, false, true},
    {"{\"ServerVersion\":\"\",\"DriverStatus\":null,\"ServerErrors\":[\"Cannot connect\"]}", "", "",
     COMPAT_UNKNOWN, false, false},
    {"{\"ServerVersion\":7,\"DriverStatus\":[7,[],[1,2]],\"SecurityOptions\":{\"a\":1},"
     "\"ClientInfo\":{\"Plugins\":[1,{\"Name\":\"buildx\"}]}}",
     "", "unknown", COMPAT_UNKNOWN, false, true},
    {"not JSON", "", "", COMPAT_UNKNOWN, false, false},
    {"[]", "", "", COMPAT_UNKNOWN, false, false},
};

static void test_read_info(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        struct compat_facts facts = {0};
        compat_read_info(&facts, infos[i].json, strlen(infos[i].json));
        assert_string_equal(facts.engine, infos[i].engine);
        assert_string_equal(facts.buildx, infos[i].buildx);
        assert_int_equal(facts.exports, infos[i].exports);
        assert_int_equal(facts.rootless, infos[i].rootless);
        assert_int_equal(facts.told_plugins, infos[i].told_plugins);
    }
}

#define V1                                                                                         \
    {                                                                                              \
        .standalone = true, .version = "1.29.2", .major = 1, .minor = 29                           \
    }
#define V2                                                                                         \
    {                                                                                              \
        .version = "2.26.1", .major = 2, .minor = 26                                               \
    }

static const struct {
    struct tool tool;
    struct compat_facts facts;
    struct compat_wish wish;
    bool traditional;
    const char *says[2];
} choices[] = {
    {V2, {.free_bytes = -1}, {0}, false, {"optimised build (BuildKit): compose 2.26.1"}},
    {V2,
     {.engine = "26.1.5", .exports = COMPAT_YES, .free_bytes = -1},
     {.wants_caches = true},
     false,
     {"optimised", "docker 26.1.5, compose 2.26.1"}},
    {V2,
     {.free_bytes = -1},
     {.traditional = true, .original = "a.yml"},
     true,
     {"traditional build (DOCKER_BUILDKIT=0, a.yml): asked for"}},
    {V2, {.free_bytes = -1}, {.switched_off = true}, true, {"DOCKER_BUILDKIT=0 is set"}},
    {V2, {.engine = "17.09", .free_bytes = -1}, {0}, true, {"no BuildKit"}},
    {V2,
     {.exports = COMPAT_NO, .free_bytes = -1},
     {.wants_caches = true},
     true,
     {"can't export local caches"}},
    {V2, {.exports = COMPAT_NO, .free_bytes = -1}, {0}, false, {"optimised"}},
    {V2,
     {.exports = COMPAT_NO, .other_builder = true, .free_bytes = -1},
     {.wants_caches = true},
     false,
     {"optimised"}},
    {V1,
     {.engine = "20.10.24", .told_plugins = true, .free_bytes = -1},
     {0},
     false,
     {"optimised", "compose 1.29.2"}},
    {{.version = "5.5.0", .major = 5, .minor = 5},
     {.engine = "29.7.2", .told_plugins = true, .free_bytes = -1},
     {.wants_caches = true},
     true,
     {"docker has no buildx (install docker-buildx)", "docker 29.7.2"}},
    {{.version = "5.5.0", .major = 5, .minor = 5},
     {.engine = "29.7.2", .buildx = "0.36.1", .told_plugins = true, .free_bytes = -1},
     {.wants_caches = true},
     false,
     {"optimised build", "buildx 0.36.1"}},
    {V1,
     {.engine = "20.10.24", .free_bytes = -1},
     {.original = "docker-compose.test.yml"},
     true,
     {"docker-compose.test.yml", "knows no cache_to"}},
    {V1, {.engine = "26.1.5", .told_plugins = true, .free_bytes = -1}, {0}, true, {"no buildx"}},
    {V1,
     {.engine = "20.10.24", .api = "1.41", .free_bytes = -1},
     {.bare = true},
     false,
     {"without local caches: docker-compose 1 knows no cache_to", "docker 20.10.24 (API 1.41)"}},
    {V2,
     {.exports = COMPAT_NO, .free_bytes = -1},
     {.wants_caches = true, .bare = true},
     false,
     {"without local caches: this builder can't export them"}},
    {V2,
     {.exports = COMPAT_NO, .free_bytes = -1},
     {.wants_caches = true, .original = "o"},
     true,
     {"can't export local caches"}},
    {V1,
     {.engine = "26.1.5", .told_plugins = true, .buildx = "0.13", .free_bytes = -1},
     {0},
     false,
     {"buildx 0.13"}},
    {V2,
     {.rootless = true, .wsl1 = true, .free_bytes = 1000000000},
     {0},
     false,
     {"; rootless; WSL 1", "low disk: 1.00 GB free"}},
    {{.standalone = false}, {.free_bytes = -1}, {0}, false, {"compose of unknown version"}},
};

static void test_choices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct compat_choice choice =
            compat_choose(&choices[i].tool, &choices[i].facts, &choices[i].wish);
        if (choice.traditional != choices[i].traditional)
            fail_msg("choice %zu: \"%s\"", i, choice.why);
        for (size_t j = 0; j < 2 && choices[i].says[j] != NULL; j++)
            if (strstr(choice.why, choices[i].says[j]) == NULL)
                fail_msg("choice %zu: \"%s\" lacks \"%s\"", i, choice.why, choices[i].says[j]);
        assert_null(strchr(choice.why, '\n'));
        free(choice.why);
    }
}

static void expect_original(const char *file, const char *directory, const char *expected)
{
    char *original = compat_original_file(file, directory);
    if (expected == NULL)
        assert_null(original);
    else
        assert_string_equal(original, expected);
    free(original);
}

static void test_original_file(void **state)
{
    (void)state;
    char *directory = tempdir_new();
    char *local = mem_printf("%s/docker-compose.test-local.yml", directory);
    char *original = mem_printf("%s/docker-compose.test.yml", directory);
    unsetenv("COMPOSE_FILE");
    expect_original(local, NULL, NULL);
    close(open(original, O_CREAT | O_WRONLY, 0644));
    expect_original(local, NULL, original);
    expect_original("docker-compose.test-local.yml", directory, "docker-compose.test.yml");
    expect_original("docker-compose.test-local.yml", "/nowhere", NULL);
    expect_original(original, NULL, NULL);
    char *other = mem_printf("%s/compose.yml", directory);
    char *before = mem_printf("%s/compose.original.yml", directory);
    close(open(other, O_CREAT | O_WRONLY, 0644));
    expect_original(other, NULL, NULL);
    close(open(before, O_CREAT | O_WRONLY, 0644));
    expect_original(other, NULL, before);
    expect_original(NULL, directory, before); /* as compose finds it */
    expect_original("compose.yml", directory, "compose.original.yml");
    unlink(other);
    free(other);
    free(before);
    expect_original("/a-local.d/compose.yml", NULL, NULL);
    expect_original(NULL, directory, NULL);
    setenv("COMPOSE_FILE", local, 1);
    expect_original(NULL, directory, original);
    setenv("COMPOSE_FILE", "docker-compose.test-local.yml:other.yml", 1);
    expect_original(NULL, directory, NULL);
    unsetenv("COMPOSE_FILE");
    free(local);
    free(original);
    tempdir_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_info),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_original_file),
    };
    return cmocka_run_group_tests_name("compat", tests, NULL, NULL);
}
