/* Signs of a running export: command lines, processes, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/busy.h"
#include "core/cache/clients.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* Words are parted by one blank here. */
static const struct {
    const char *command;
    bool builds;
} commands[] = {
    {"docker build .", true},
    {"/usr/bin/docker build -t x .", true},
    {"docker image build .", true},
    {"docker builder build .", true},
    {"docker --context remote build .", true},
    {"docker -H tcp://x:1 --debug build", true},
    {"docker buildx build .", true},
    {"docker buildx --builder b bake", true},
    {"docker compose build", true},
    {"docker compose -f a.yml -f b.yml --profile x build api", true},
    {"docker compose --file=a.yml build", true},
    {"docker compose up --build -d", true},
    {"docker compose run --build api sh", true},
    {"docker-compose build", true},
    {"/usr/libexec/docker/cli-plugins/docker-compose compose --progress plain build", true},
    {"/root/.docker/cli-plugins/docker-buildx bake --file - --progress rawjson", true},
    {"docker-buildx buildx build .", true},
    {"python3 /usr/bin/docker-compose build", true},
    {"buildctl build --frontend x", true},
    {"buildctl --addr unix:///x build", true},
    {"docker", false},
    {"docker ps", false},
    {"docker builder prune", false},
    {"docker compose up", false},
    {"docker compose logs build", false},
    {"docker compose -p build ps", false},
    {"docker run build", false},
    {"docker-compose", false},
    {"docker buildx du", false},
    {"dockerd", false},
    {"buildctl du", false},
    {"vim build", false},
    {"python3", false},
    {"python3 build.py", false},
    {"", false},
};

/* As /proc has it. */
static size_t to_words(const char *command, char *out)
{
    size_t len = strlen(command) + 1;
    memcpy(out, command, len);
    for (size_t i = 0; i < len; i++)
        if (out[i] == ' ')
            out[i] = '\0';
    return len;
}

static void test_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(commands); i++) {
        char words[256];
        size_t len = to_words(commands[i].command, words);
        if (client_builds(words, len) != commands[i].builds)
            fail_msg("%s", commands[i].command);
        for (size_t cut = 0; cut < len; cut++) /* nothing is read behind it */
            free(client_text(words, cut > 0 && words[cut - 1] == '\0' ? cut : 0));
    }
    assert_false(client_builds("docker\0build", 12)); /* not ended */
    assert_false(client_builds(NULL, 0));
}

static void test_text(void **state)
{
    char words[600];
    (void)state;
    size_t len = to_words("/usr/bin/docker compose build a\033[31m", words);
    char *text = client_text(words, len);
    assert_string_equal("docker compose build a\\x1b[31m", text);
    free(text);
    memset(words, 'x', sizeof words);
    words[sizeof words - 1] = '\0';
    text = client_text(words, sizeof words);
    assert_true(strlen(text) < 120);
    free(text);
}

/* A process that looks like a build, in a session of its own. */
static pid_t start_client(void)
{
    pid_t child = fork();
    if (child == 0) {
        setsid();
        execl("/bin/sh", "docker", "-c", "sleep 60; exit", "build", "nothing", NULL);
        _exit(99);
    }
    return child;
}

static bool mentions(const char *sign, pid_t pid)
{
    char words[32];
    snprintf(words, sizeof words, "(pid %d)", (int)pid);
    return sign != NULL && strstr(sign, words) != NULL;
}

/* A machine on which somebody else builds shows that build, perhaps. */
static void test_process(void **state)
{
    (void)state;
    char *proc = NULL;
    mem_replace(&proc, getenv("BILGE_PROC"));
    unsetenv("BILGE_PROC"); /* a process that really runs */
    pid_t child = start_client();
    char *sign = NULL;
    for (int i = 0; i < 500 && sign == NULL; i++) { /* until exec has given it its name */
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        sign = busy_building_client(NULL);
    }
    assert_non_null(sign);
    if (mentions(sign, child)) {
        assert_int_equal(0, strncmp(sign, "docker -c sleep 60; exit build nothing", 38));
        char *own = busy_building_client((const pid_t[]){child, 0});
        assert_false(mentions(own, child));
        free(own);
    }
    free(sign);
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
    if (proc != NULL)
        setenv("BILGE_PROC", proc, 1);
    free(proc);
}

static void check_signs(struct kit *kit, const char *words)
{
    int fd;
    assert_int_equal(0, fs_open_dir(kit->root_fd, kit->name, &fd, NULL));
    char *sign = busy_file_signs(fd, clock_now());
    struct cache *cache = kit_scan(kit, NULL);
    if (words == NULL) {
        assert_null(sign);
        assert_null(cache->busy_sign);
    } else {
        assert_non_null(sign);
        assert_non_null(strstr(sign, words));
        assert_string_equal(sign, cache->busy_sign); /* a scan tells the same */
    }
    cache_free(cache);
    free(sign);
    close(fd);
}

static void test_files(void **state)
{
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    kit_generation(&kit, 100, 101, 1, 3);
    kit_index(&kit, (unsigned[]){100}, 1);
    check_signs(&kit, NULL);
    kit_set_age(&kit, kit_blob_path(2), 60);
    check_signs(&kit, "a blob came");
    kit_set_age(&kit, "index.json", 59);
    check_signs(&kit, NULL);
    kit_write(&kit, "ingest/x/data", "x", 1);
    kit_set_age(&kit, "ingest/x", 7000);
    check_signs(&kit, NULL);
    kit_set_age(&kit, "ingest/x/data", 60);
    check_signs(&kit, "ingest/");
    kit_set_age(&kit, "ingest/x/data", 7000);
    kit_set_age(&kit, "ingest/x", -60);
    check_signs(&kit, "ingest/");
    kit_free(&kit);
}

/* A build that has read the cache, or is about to write to it, leaves no more than the
 * directory's time, and that says nothing to who sees all processes. */
static void test_a_cache_that_was_opened(void **state)
{
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    kit_generation(&kit, 100, 101, 1, 3);
    kit_index(&kit, (unsigned[]){100}, 1);
    kit_set_age(&kit, "index.json", 5000);
    kit_set_age(&kit, ".", 60);
    check_signs(&kit, NULL);
    kit_set_processes(&kit, KIT_ALL_SEEN);
    check_signs(&kit, NULL);
    for (int hidden = 0; hidden < 2; hidden++) {
        kit_set_processes(&kit, hidden ? KIT_HIDDEN : KIT_CONTAINER);
        kit_set_age(&kit, "index.json", 5000);
        kit_set_age(&kit, ".", 60);
        check_signs(&kit, "a build opened it 1 m ago and has exported nothing since");
        kit_set_age(&kit, "index.json", 61); /* the export itself, and its lock */
        check_signs(&kit, NULL);
        kit_set_age(&kit, "index.json", 59); /* it has ended */
        check_signs(&kit, NULL);
        kit_set_age(&kit, "index.json", 5000);
        kit_set_age(&kit, ".", 700); /* long ago */
        check_signs(&kit, NULL);
        kit_set_age(&kit, "ingest", 60); /* in ingest/, not in the directory itself */
        check_signs(&kit, NULL);
    }
    kit_free(&kit);
}

static void check_unknown(struct kit *kit, const char *words)
{
    int fd;
    assert_int_equal(0, fs_open_dir(kit->root_fd, kit->name, &fd, NULL));
    char *sign = busy_file_signs(fd, clock_now());
    if (words == NULL)
        assert_null(sign);
    else {
        assert_non_null(sign);
        assert_non_null(strstr(sign, words));
    }
    free(sign);
    close(fd);
}

/* Whoever can't look can't know: that is a sign, too. */
static void test_what_cannot_be_read_is_a_sign(void **state)
{
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    kit_generation(&kit, 100, 101, 1, 3);
    kit_index(&kit, (unsigned[]){100}, 1);
    check_unknown(&kit, NULL);
    char *ingest = path_join(kit.dir, "ingest"), *blobs = path_join(kit.dir, "blobs");
    char *aside = path_join(kit.root, "aside");
    assert_int_equal(0, rmdir(ingest));
    check_unknown(&kit, NULL); /* none is there */
    assert_int_equal(0, symlink("/tmp", ingest));
    check_unknown(&kit, "whether an export writes into ingest/ can't be told: too many");
    assert_int_equal(0, unlink(ingest));
    kit_write(&kit, "ingest", "x", 1);
    check_unknown(&kit, "ingest/ can't be told: not a directory");
    assert_int_equal(0, unlink(ingest));
    assert_int_equal(0, rename(blobs, aside));
    check_unknown(&kit, NULL);
    assert_int_equal(0, symlink(aside, blobs));
    check_unknown(&kit, "whether an export writes into blobs/ can't be told");
    free(ingest);
    free(blobs);
    free(aside);
    kit_free(&kit);
}

static void test_processes_that_cannot_be_read_are_a_sign(void **state)
{
    struct kit kit;
    (void)state;
    kit_new(&kit, true);
    char *proc = path_join(kit.root, "proc");
    kit_set_processes(&kit, KIT_ALL_SEEN); /* kit_free() ends this, too */
    setenv("BILGE_PROC", proc, 1);
    char *sign = busy_building_client(NULL);
    assert_null(sign); /* there is none */
    file_write_text(kit.root, "proc", "no directory");
    sign = busy_building_client(NULL);
    assert_non_null(sign);
    assert_non_null(strstr(sign, "whether a build runs can't be told"));
    free(sign);
    free(proc);
    kit_free(&kit);
}

int main(void)
{
    limit_program(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_a_cache_that_was_opened),
        cmocka_unit_test(test_what_cannot_be_read_is_a_sign),
        cmocka_unit_test(test_processes_that_cannot_be_read_are_a_sign),
    };
    return cmocka_run_group_tests_name("cache_busy", tests, NULL, NULL);
}
