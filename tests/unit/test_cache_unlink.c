/* Trees that go: deep ones, odd ones, and what must not or can't go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#endif

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/unlink.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/fs_kit.h"

/* ---- these stand before libc's */

static pthread_mutex_t unlinked_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_unlinked[64]; /* the last two names */
static struct fs_place *triggered_place;
static void (*on_trigger)(struct fs_place *place); /* once, as "trigger" goes */

int unlinkat(int fd, const char *name, int flags)
{
    void (*step)(struct fs_place *) = on_trigger;
    int code = (int)syscall(SYS_unlinkat, fd, name, flags);
    pthread_mutex_lock(&unlinked_lock);
    if (strlen(name) < 16) {
        char *before = strrchr(last_unlinked, ' ');
        char *both = mem_printf("%s %s", before != NULL ? before + 1 : last_unlinked, name);
        snprintf(last_unlinked, sizeof last_unlinked, "%.63s", both);
        free(both);
    }
    pthread_mutex_unlock(&unlinked_lock);
    if (step != NULL && strcmp(name, "trigger") == 0) {
        on_trigger = NULL;
        step(triggered_place);
    }
    return code;
}

#ifdef __linux__
static bool hide_mounts; /* as a kernel before 5.8 does */

int statx(int fd, const char *restrict name, int flags, unsigned mask,
          struct statx *restrict ret_stat)
{
    int code = (int)syscall(SYS_statx, fd, name, flags, mask, ret_stat);
    if (code == 0 && hide_mounts)
        ret_stat->stx_attributes = ret_stat->stx_attributes_mask = 0;
    return code;
}
#endif

/* ---- */

static int64_t allocated(struct fs_place *place, const char *name)
{
    char *path = path_join(place->path, name);
    struct stat st;
    assert_int_equal(0, lstat(path, &st));
    free(path);
    return (int64_t)st.st_blocks * 512;
}

static void test_one_file(void **state)
{
    struct fs_place *place = *state;
    int64_t freed = 5;
    file_write_text(place->path, "file", "content");
    int64_t size = allocated(place, "file");
    assert_int_equal(0, unlink_tree(place->fd, "file", NULL, &freed, NULL));
    assert_int_equal(freed, 5 + size);
    assert_false(file_exists(place->path, "file"));
    assert_int_equal(0, unlink_tree(place->fd, "file", NULL, &freed, NULL)); /* gone is gone */
    assert_int_equal(freed, 5 + size);
}

static void test_tree(void **state)
{
    static const char *const names[] = {
        "t/a", "t/b/c", "t/b/d/e", "t/b/d/new\nline", "t/ space", "t/-rf", "t/\xff\xfe", "t/...",
    };
    static const char *const dirs[] = {"t", "t/b", "t/b/d", "t/empty"};
    struct fs_place *place = *state;
    int64_t size = 0, freed = 0;
    file_write_text(place->path, "stays", "x");
    dir_make(place->path, "t/empty");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        file_write_text(place->path, names[i], "content");
        size += allocated(place, names[i]);
    }
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        size += allocated(place, dirs[i]);
    char *fifo = path_join(place->path, "t/fifo");
    assert_int_equal(0, mkfifo(fifo, 0600));
    free(fifo);
    assert_int_equal(0, unlink_tree(place->fd, "t", NULL, &freed, NULL));
    assert_int_equal(freed, size);
    assert_false(file_exists(place->path, "t"));
    assert_true(file_exists(place->path, "stays"));
}

static void test_links_are_not_followed(void **state)
{
    struct fs_place *place = *state;
    file_write_text(place->path, "outside/precious", "x");
    dir_make(place->path, "t");
    char *link = path_join(place->path, "t/link"), *up = path_join(place->path, "t/up");
    char *whole = path_join(place->path, "whole");
    assert_int_equal(0, symlink("../outside", link));
    assert_int_equal(0, symlink("..", up));
    assert_int_equal(0, symlink("outside", whole));
    assert_int_equal(0, unlink_tree(place->fd, "t", NULL, NULL, NULL));
    assert_int_equal(0, unlink_tree(place->fd, "whole", NULL, NULL, NULL));
    assert_false(file_exists(place->path, "t"));
    assert_false(file_exists(place->path, "whole"));
    assert_true(file_exists(place->path, "outside/precious"));
    free(link);
    free(up);
    free(whole);
}

static void hard_link(struct fs_place *place, const char *from, const char *to)
{
    assert_int_equal(0, linkat(place->fd, from, place->fd, to, 0));
}

static void test_hard_links_count_once(void **state)
{
    struct fs_place *place = *state;
    int64_t freed = 0;
    file_write_text(place->path, "t/twice", "content");
    file_write_text(place->path, "t/shared", "content");
    hard_link(place, "t/twice", "t/again");
    hard_link(place, "t/shared", "outside");
    int64_t size = allocated(place, "t") + allocated(place, "t/twice");
    assert_int_equal(0, unlink_tree(place->fd, "t", NULL, &freed, NULL));
    assert_int_equal(freed, size);
    assert_true(file_exists(place->path, "outside"));
}

/* ---- depth */

/* A file at every tenth level, and a directory beside. */
static void make_depth(int fd, int depth)
{
    int at = dup(fd);
    for (int i = 0; i < depth; i++) {
        assert_int_equal(0, mkdirat(at, "d", 0700));
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(at);
        at = next;
        if (i % 10 != 0)
            continue;
        int file = openat(at, "file", O_WRONLY | O_CREAT, 0600);
        assert_true(file >= 0);
        close(file);
        assert_int_equal(0, mkdirat(at, "beside", 0700));
    }
    close(at);
}

static void set_descriptors(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = count;
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
}

static void remove_deep(struct fs_place *place, int depth, rlim_t descriptors)
{
    struct err err = {0};
    make_depth(place->fd, depth);
    set_descriptors(descriptors);
    int code = unlink_tree(place->fd, "d", NULL, NULL, &err);
    set_descriptors(1024);
    assert_int_equal(0, code);
    assert_false(file_exists(place->path, "d"));
}

static void test_depth_is_no_limit(void **state)
{
    struct fs_place *place = *state;
    remove_deep(place, 300, 1024);
    remove_deep(place, 5000, 1024);
}

static void test_few_descriptors_are_enough(void **state)
{
    struct fs_place *place = *state;
    remove_deep(place, 300, 24);
    remove_deep(place, 300, 64);
    remove_deep(place, 5000, 64);
}

/* Runs `work` as a user without privileges; false when that can't be had. */
static bool as_nobody(int (*work)(struct fs_place *place), struct fs_place *place, int *ret_result)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (chown(place->path, 65534, 65534) < 0 || setuid(65534) < 0))
            _exit(77);
        _exit(work(place));
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    *ret_result = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    return *ret_result != 77;
}

static int remove_with_a_locked_part(struct fs_place *place)
{
    file_write_text(place->path, "t/a", "x");
    file_write_text(place->path, "t/locked/kept", "x");
    file_write_text(place->path, "t/z", "x");
    if (fchmodat(place->fd, "t/locked", 0, 0) < 0)
        return 77;
    struct err err;
    if (unlink_tree(place->fd, "t", NULL, NULL, &err) != -EACCES)
        return 1;
    if (strstr(err.text, "t/locked") == NULL)
        return 2;
    if (file_exists(place->path, "t/a") || file_exists(place->path, "t/z"))
        return 3; /* it goes on after an error */
    return fchmodat(place->fd, "t/locked", 0700, 0) < 0 ||
           !file_exists(place->path, "t/locked/kept");
}

static void test_goes_on_after_an_error(void **state)
{
    int result;
    if (!as_nobody(remove_with_a_locked_part, *state, &result))
        skip();
    assert_int_equal(0, result);
}

/* Directories of root in a user's tree, on every level down to 40: some are met by
 * tasks, some by a walk. */
static int remove_among_strangers(struct fs_place *place)
{
    struct err err = {0};
    for (int round = 0; round < 2; round++) { /* again: it ends again */
        if (unlink_tree(place->fd, "t", NULL, NULL, &err) != -EACCES)
            return 1;
        if (strstr(err.text, "and 39 more") == NULL) {
            print_error("%s\n", err.text);
            return 2; /* each is reported once, the directories above are not */
        }
    }
    return 0;
}

static void test_what_others_own_stays_and_the_rest_goes(void **state)
{
    struct fs_place *place = *state;
    int result;
    if (geteuid() != 0)
        skip();
    char path[400] = "t";
    for (int i = 0; i < 40; i++) {
        size_t len = strlen(path);
        snprintf(path + len, sizeof path - len, "/ours");
        file_write_text(place->path, path, "x");
        snprintf(path + len, sizeof path - len, "/theirs/kept");
        file_write_text(place->path, path, "x");
        snprintf(path + len, sizeof path - len, "/d");
        dir_make(place->path, path);
    }
    char *command = mem_printf("chown -R 65534 '%s/t' && find '%s/t' -name theirs -exec chown -R "
                               "0 {} +",
                               place->path, place->path);
    assert_int_equal(0, system(command));
    free(command);
    assert_true(as_nobody(remove_among_strangers, place, &result));
    assert_int_equal(0, result);
    assert_true(file_exists(place->path, "t/theirs/kept"));
    assert_true(file_exists(place->path, "t/d/d/theirs/kept"));
    assert_false(file_exists(place->path, "t/ours"));
    assert_false(file_exists(place->path, "t/d/d/ours"));
    assert_int_equal(0, unlink_tree(place->fd, "t", NULL, NULL, NULL)); /* as root */
    assert_false(file_exists(place->path, "t"));
}

#ifdef __linux__
static bool set_immutable(struct fs_place *place, const char *name, bool on)
{
    int fd = openat(place->fd, name, O_RDONLY), flags = 0;
    if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) {
        close(fd);
        return false;
    }
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    bool done = ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
    close(fd);
    return done;
}

static void test_immutable_files_stay(void **state)
{
    struct fs_place *place = *state;
    struct err err = {0};
    file_write_text(place->path, "t/a/b/stays", "x");
    file_write_text(place->path, "t/a/b/goes", "x");
    file_write_text(place->path, "t/a/goes", "x");
    file_write_text(place->path, "t/goes", "x");
    if (!set_immutable(place, "t/a/b/stays", true))
        skip();
    int codes[2], i;
    for (i = 0; i < 2; i++)
        codes[i] = unlink_tree(place->fd, "t", NULL, NULL, &err);
    bool gone = !file_exists(place->path, "t/a/b/goes") && !file_exists(place->path, "t/a/goes") &&
                !file_exists(place->path, "t/goes");
    assert_true(set_immutable(place, "t/a/b/stays", false));
    for (i = 0; i < 2; i++)
        assert_int_equal(-EPERM, codes[i]);
    assert_non_null(strstr(err.text, "t/a/b/stays"));
    assert_null(strstr(err.text, "more"));
    assert_true(gone);
    assert_int_equal(0, unlink_tree(place->fd, "t", NULL, NULL, &err));
    assert_false(file_exists(place->path, "t"));
}
#endif

/* ---- options */

static void test_the_last_one_goes_last(void **state)
{
    struct fs_place *place = *state;
    const struct unlink_options options = {.last = "note"};
    int64_t freed = 0;
    file_write_text(place->path, "t/note", "x");
    file_write_text(place->path, "t/a/note", "x");
    file_write_text(place->path, "t/z", "x");
    int64_t size = allocated(place, "t") + allocated(place, "t/a") + allocated(place, "t/a/note") +
                   allocated(place, "t/z");
    last_unlinked[0] = '\0';
    assert_int_equal(0, unlink_tree(place->fd, "t", &options, &freed, NULL));
    assert_string_equal("note t", last_unlinked); /* the two last */
    assert_int_equal(size, freed);
}

static int keep_last_with_a_locked_part(struct fs_place *place)
{
    const struct unlink_options options = {.last = "note"};
    file_write_text(place->path, "t/note", "x");
    file_write_text(place->path, "t/locked/kept", "x");
    if (fchmodat(place->fd, "t/locked", 0, 0) < 0)
        return 77;
    int code = unlink_tree(place->fd, "t", &options, NULL, NULL);
    return fchmodat(place->fd, "t/locked", 0700, 0) < 0 || code != -EACCES ||
           !file_exists(place->path, "t/note");
}

static void test_the_last_one_stays_when_others_do(void **state)
{
    int result;
    if (!as_nobody(keep_last_with_a_locked_part, *state, &result))
        skip();
    assert_int_equal(0, result);
}

static void test_directories_only(void **state)
{
    struct fs_place *place = *state;
    const struct unlink_options options = {.directories_only = true};
    dir_make(place->path, "t/a/b");
    file_write_text(place->path, "t/c/file", "x");
    assert_int_equal(ERR_CHANGED, unlink_tree(place->fd, "t", &options, NULL, NULL));
    assert_true(file_exists(place->path, "t/c/file"));
    unlinkat(place->fd, "t/c/file", 0);
    assert_int_equal(0, unlink_tree(place->fd, "t", &options, NULL, NULL));
    assert_false(file_exists(place->path, "t"));
}

static void test_only_the_directory_that_is_meant(void **state)
{
    struct fs_place *place = *state;
    struct fs_stat stat;
    file_write_text(place->path, "t/file", "x");
    assert_int_equal(0, fs_stat_at(place->fd, "t", &stat, NULL));
    struct unlink_options options = {.ino = stat.ino + 1};
    assert_int_equal(ERR_CHANGED, unlink_tree(place->fd, "t", &options, NULL, NULL));
    assert_true(file_exists(place->path, "t/file"));
    options.ino = stat.ino;
    assert_int_equal(0, unlink_tree(place->fd, "t", &options, NULL, NULL));
}

/* ---- moved elsewhere while it is walked */

static void move_away(struct fs_place *place)
{
    char *from = path_join(place->path, "t/d/d/d/d/d/d/d/d"), *to = path_join(place->path, "out/d");
    assert_int_equal(0, rename(from, to));
    free(from);
    free(to);
}

/* "out" is not on the way: nothing in it goes, but what was moved there. */
static void test_a_directory_that_is_moved_leads_nowhere(void **state)
{
    struct fs_place *place = *state;
    struct err err = {0};
    file_write_text(place->path, "out/precious", "x");
    file_write_text(place->path, "t/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/trigger", "x");
    file_write_text(place->path, "t/other", "x");
    triggered_place = place;
    on_trigger = move_away;
    set_descriptors(24); /* else all levels are open, and none is left by ".." */
    int code = unlink_tree(place->fd, "t", NULL, NULL, &err);
    set_descriptors(1024);
    assert_null(on_trigger);
    assert_int_equal(ERR_CHANGED, code);
    assert_true(file_exists(place->path, "out/precious"));
    assert_false(file_exists(place->path, "t/other"));
    assert_int_equal(0, unlink_tree(place->fd, "t", NULL, NULL, &err));
    assert_true(file_exists(place->path, "out/precious"));
}

/* ---- mounts, in a namespace of a child's own: nothing stays mounted */

#ifdef __linux__
struct mount_case {
    const char *at; /* below t */
    bool file, memory;
    bool old_kernel; /* that does not tell the root of a mount */
    rlim_t descriptors;
};
static const struct mount_case mount_cases[] = {
    {"m", false, false, false, 1024},     {"m", false, false, true, 1024},
    {"m", false, true, false, 1024},      {"m", true, false, false, 1024},
    {"m", true, false, true, 1024},       {"a/b/c/m", false, false, false, 1024},
    {"a/b/c/m", false, false, false, 24}, /* met by a walk */
    {"a/b/c/m", false, false, true, 24},  {"a/b/c/m", true, false, false, 24},
    {"a/b/c/m", false, true, true, 24},
};

static bool mount_it(struct fs_place *place, const struct mount_case *it)
{
    char *at = mem_printf("%s/t/%s", place->path, it->at);
    char *from = path_join(place->path, it->file ? "outside/precious" : "outside");
    bool done = mount(it->memory ? "none" : from, at, it->memory ? "tmpfs" : NULL,
                      it->memory ? 0 : MS_BIND, NULL) == 0;
    if (done && it->memory)
        file_write_text(at, "precious", "x");
    free(at);
    free(from);
    return done;
}

static int remove_with_a_mount(struct fs_place *place, const struct mount_case *it)
{
    struct err err = {0};
    char *below = mem_printf("t/%s", it->at), *inside = mem_printf("%s/precious", below);
    file_write_text(place->path, "outside/precious", "x");
    file_write_text(place->path, "t/z/goes", "x");
    if (it->file)
        file_write_text(place->path, below, "below");
    else
        dir_make(place->path, below);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        !mount_it(place, it))
        return 77;
    int fd = open(place->path, O_RDONLY | O_DIRECTORY); /* in this namespace */
    hide_mounts = it->old_kernel;
    set_descriptors(it->descriptors);
    for (int round = 0; round < 2; round++) {
        int code = unlink_tree(fd, "t", NULL, NULL, &err);
        if (code != -EXDEV && !(code == -EBUSY && it->file && it->old_kernel))
            return 2;
        if (strstr(err.text, it->at) == NULL || strstr(err.text, "more") != NULL)
            return 3;
    }
    if (file_exists(place->path, "t/z"))
        return 4;
    return file_exists(place->path, "outside/precious") &&
                   file_exists(place->path, it->file ? below : inside)
               ? 0
               : 5;
}

static void test_mounts_are_left_alone(void **state)
{
    struct fs_place *place = *state;
    for (size_t i = 0; i < sizeof mount_cases / sizeof mount_cases[0]; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(remove_with_a_mount(place, &mount_cases[i]));
        assert_int_equal(child, waitpid(child, &status, 0));
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
            skip();
        if (WEXITSTATUS(status) != 0)
            fail_msg("case %zu: %d", i, WEXITSTATUS(status));
        assert_int_equal(0, unlink_tree(place->fd, "t", NULL, NULL, NULL));
    }
}
#endif

#define CASE(test) cmocka_unit_test_setup_teardown(test, fs_place_setup, fs_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_one_file),
        CASE(test_tree),
        CASE(test_links_are_not_followed),
        CASE(test_hard_links_count_once),
        CASE(test_depth_is_no_limit),
        CASE(test_few_descriptors_are_enough),
        CASE(test_goes_on_after_an_error),
        CASE(test_what_others_own_stays_and_the_rest_goes),
        CASE(test_the_last_one_goes_last),
        CASE(test_the_last_one_stays_when_others_do),
        CASE(test_directories_only),
        CASE(test_only_the_directory_that_is_meant),
        CASE(test_a_directory_that_is_moved_leads_nowhere),
#ifdef __linux__
        CASE(test_immutable_files_stay),
        CASE(test_mounts_are_left_alone),
#endif
    };
    limit_program(120);
    return cmocka_run_group_tests_name("cache_unlink", tests, NULL, NULL);
}
