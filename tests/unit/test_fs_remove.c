/* fs_remove_tree() in a hostile place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mount.h>
#endif

#include <cmocka.h>

#include "core/base/fs.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/fs_kit.h"

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
    assert_int_equal(0, fs_remove_tree(place->fd, "file", &freed, NULL));
    assert_int_equal(freed, 5 + size);
    assert_false(file_exists(place->path, "file"));
    assert_int_equal(0, fs_remove_tree(place->fd, "file", &freed, NULL)); /* gone is gone */
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
    assert_int_equal(0, fs_remove_tree(place->fd, "t", &freed, NULL));
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
    assert_int_equal(0, fs_remove_tree(place->fd, "t", NULL, NULL));
    assert_int_equal(0, fs_remove_tree(place->fd, "whole", NULL, NULL));
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
    assert_int_equal(0, fs_remove_tree(place->fd, "t", &freed, NULL));
    assert_int_equal(freed, size);
    assert_true(file_exists(place->path, "outside"));
}

static void make_depth(int fd, int depth)
{
    int at = dup(fd);
    for (int i = 0; i < depth; i++) {
        assert_int_equal(0, mkdirat(at, "d", 0700));
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
}

static void test_deep(void **state)
{
    struct fs_place *place = *state;
    make_depth(place->fd, 200);
    assert_int_equal(0, fs_remove_tree(place->fd, "d", NULL, NULL));
    assert_false(file_exists(place->path, "d"));
}

static void test_too_deep_is_an_error(void **state)
{
    struct fs_place *place = *state;
    struct err err;
    make_depth(place->fd, 400);
    assert_int_equal(-ELOOP, fs_remove_tree(place->fd, "d", NULL, &err));
    assert_int_equal(-ELOOP, err.code);
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
    if (fs_remove_tree(place->fd, "t", NULL, &err) != -EACCES)
        return 1;
    if (strstr(err.text, "locked") == NULL)
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

#ifdef __linux__
/* A bind mount of the same file system inside the tree: in a mount namespace
 * of our own, so that nothing stays mounted whatever happens. */
static int remove_with_a_mount(struct fs_place *place)
{
    char *inside = path_join(place->path, "t/mounted"), *outside = path_join(place->path, "outside");
    dir_make(place->path, "t/mounted");
    file_write_text(place->path, "outside/precious", "x");
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(outside, inside, NULL, MS_BIND, NULL) < 0)
        return 77;
    int fd = -1;
    if (fs_open_root(place->path, &fd, NULL) < 0)
        return 1;
    int code = fs_remove_tree(fd, "t", NULL, NULL);
    if (code != -EXDEV)
        return 2;
    return file_exists(place->path, "outside/precious") ? 0 : 3;
}

static void test_mounts_are_not_crossed(void **state)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(remove_with_a_mount(*state));
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(0, WEXITSTATUS(status));
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
        CASE(test_deep),
        CASE(test_too_deep_is_an_error),
        CASE(test_goes_on_after_an_error),
#ifdef __linux__
        CASE(test_mounts_are_not_crossed),
#endif
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
