/* How a cache root is found, and when it is refused. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/root.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

enum { MALLORY = 64001, ALICE = 64002, BOB = 64003 };

static int set_up(void **state)
{
    char *place = tempdir_new();
    assert_int_equal(0, chmod(place, 0755));
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    tempdir_free(*state);
    return 0;
}

static void make_link(const char *place, const char *name, const char *target)
{
    char *path = path_join(place, name);
    assert_int_equal(0, symlink(target, path));
    free(path);
}

/* What looking for <place>/<name> comes to. */
static int look(const char *place, const char *name, struct root_found *ret_found)
{
    char *path = path_join(place, name);
    int code = root_find(path, geteuid(), ret_found);
    free(path);
    return code;
}

static void test_each_way_ends_where_it_leads(void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *path; /* below the place, as far as it is resolved */
        const char *missing;
    } cases[] = {
        {"dir", 0, "dir", NULL},
        {"dir/deep", 0, "dir/deep", NULL},
        {"dir//./deep/", 0, "dir/deep", NULL},
        {"link", 0, "dir", NULL},
        {"link/deep", 0, "dir/deep", NULL},
        {"absolute/deep", 0, "dir/deep", NULL},
        {"chain", 0, "dir", NULL},
        {"up", 0, "dir", NULL},
        {"none", -ENOENT, "none", "none"},
        {"none/deeper/still", -ENOENT, "none/deeper/still", "none"},
        {"link/none", -ENOENT, "dir/none", "none"},
        {"dangling", -ENOENT, "gone/away", "gone"},
        {"dangling/deeper", -ENOENT, "gone/away/deeper", "gone"},
        {"file", -ENOTDIR, "file", "file"},
        {"file/x", -ENOTDIR, "file/x", "file"},
        {"fifo", -ENOTDIR, "fifo", "fifo"},
        {"loop", -ELOOP, NULL, NULL},
    };
    char *place = *state, *dir = path_join(place, "dir"), *fifo = path_join(place, "fifo");
    dir_make(place, "dir/deep");
    file_write_text(place, "file", "x");
    assert_int_equal(0, mkfifo(fifo, 0600));
    make_link(place, "link", "dir");
    make_link(place, "absolute", dir);
    make_link(place, "chain", "link");
    make_link(place, "up", "dir/deep/..");
    make_link(place, "dangling", "gone/away");
    make_link(place, "loop", "loop");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct root_found found;
        assert_int_equal(look(place, cases[i].name, &found), cases[i].code);
        assert_int_equal(found.root != NULL, cases[i].code == 0);
        assert_int_equal(found.err.code, cases[i].code);
        if (cases[i].path != NULL) {
            char *path = path_join(place, cases[i].path);
            assert_string_equal(found.path, path);
            free(path);
        }
        if (found.root != NULL)
            assert_string_equal(found.root->path, found.path);
        else
            assert_true(found.above_fd >= 0);
        if (cases[i].missing != NULL)
            assert_string_equal(found.missing, cases[i].missing);
        root_found_done(&found);
    }
    free(dir);
    free(fifo);
}

static void test_the_top_is_a_directory_like_others(void **state)
{
    struct root_found found;
    (void)state;
    assert_int_equal(0, root_find("/", geteuid(), &found));
    assert_string_equal(found.root->path, "/");
    root_found_done(&found);
}

static void test_what_is_missing_is_named(void **state)
{
    char *place = *state;
    struct root_found found;
    make_link(place, "dangling", "gone/away");
    look(place, "none", &found);
    char *text = mem_printf("cannot open cache root %s/none: no such file or directory", place);
    assert_string_equal(found.err.text, text);
    free(text);
    root_found_done(&found);
    look(place, "dangling", &found);
    text = mem_printf("cannot open cache root %s/dangling: %s/gone: no such file or directory",
                      place, place);
    assert_string_equal(found.err.text, text);
    free(text);
    root_found_done(&found);
}

/* ------------------------------------------------- links that others made */

struct planted {
    unsigned mode;         /* of the directory */
    uid_t directory, link; /* whose they are */
    uid_t self, invoker;
    bool followed;
};

static const struct planted planted[] = {
    /* what nobody but its owner writes to */
    {0755, MALLORY, MALLORY, 0, 0, true},
    {0755, 0, MALLORY, 0, 0, true},
    {01755, 0, MALLORY, 0, 0, true},
    /* as in /tmp */
    {01777, 0, MALLORY, 0, 0, false},
    {01777, 0, MALLORY, 0, ALICE, false},
    {01777, 0, ALICE, 0, ALICE, true}, /* sudo */
    {01777, 0, 0, 0, 0, true},
    {01777, 0, 0, ALICE, ALICE, true},
    {01777, 0, ALICE, ALICE, ALICE, true},
    {01777, 0, MALLORY, ALICE, ALICE, false},
    {01777, MALLORY, MALLORY, 0, 0, true}, /* its owner could replace all of it */
    {01777, BOB, MALLORY, 0, 0, false},
    {01777, BOB, BOB, ALICE, ALICE, true},
    {01775, 0, MALLORY, 0, 0, false}, /* a group's */
    {01770, 0, MALLORY, 0, 0, false},
    {03777, 0, MALLORY, 0, 0, false},
};

/* In shared/ lies the link: to the root itself, or to a directory on the way. */
static void plant(const char *place, const struct planted *how)
{
    char *shared = path_join(place, "shared"), *link = path_join(shared, "link");
    dir_make(place, "target/root");
    dir_make(place, "shared");
    assert_int_equal(0, symlink("../target", link));
    assert_int_equal(0, lchown(link, how->link, 0));
    assert_int_equal(0, chown(shared, how->directory, 0));
    assert_int_equal(0, chmod(shared, how->mode));
    free(shared);
    free(link);
}

static void test_a_planted_link_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        static const char *const names[] = {"shared/link", "shared/link/root"};
        const struct planted *how = &planted[i];
        char *place = tempdir_new();
        assert_int_equal(0, chmod(place, 0755));
        plant(place, how);
        for (size_t j = 0; j < 2; j++) {
            struct root_found found;
            char *path = path_join(place, names[j]);
            assert_int_equal(0, seteuid(how->self));
            int code = root_find(path, how->invoker, &found);
            assert_int_equal(0, seteuid(0));
            if (code != (how->followed ? 0 : ERR_FOREIGN))
                fail_msg("case %zu, %s: %d: %s", i, names[j], code, found.err.text);
            if (code < 0)
                assert_non_null(strstr(found.err.text, "symbolic link that user 64001 put into"));
            root_found_done(&found);
            free(path);
        }
        tempdir_free(place);
    }
}

/* A link of ours that leads to a link of theirs. */
static void test_a_planted_link_behind_ours_is_refused(void **state)
{
    char *place = *state;
    struct root_found found;
    if (geteuid() != 0)
        skip();
    plant(place, &(struct planted){01777, 0, MALLORY, 0, 0, false});
    make_link(place, "mine", "shared/link/root");
    assert_int_equal(ERR_FOREIGN, look(place, "mine", &found));
    root_found_done(&found);
}

static void test_other_users_directories_are_fine(void **state)
{
    char *place = *state, *dir = path_join(place, "shared/dir");
    struct root_found found;
    if (geteuid() != 0)
        skip();
    plant(place, &(struct planted){01777, 0, MALLORY, 0, 0, false});
    dir_make(place, "shared/dir");
    assert_int_equal(0, chown(dir, MALLORY, MALLORY));
    assert_int_equal(0, look(place, "shared/dir", &found)); /* "sudo bilge" on a user's root */
    root_found_done(&found);
    free(dir);
}

/* To enter a directory is enough to pass through it. */
static void test_only_the_root_is_read(void **state)
{
    char *place = *state, *way = path_join(place, "way"), *root = path_join(place, "way/root");
    struct root_found found;
    if (geteuid() != 0)
        skip();
    dir_make(place, "way/root");
    assert_int_equal(0, chmod(way, 0711));
    assert_int_equal(0, seteuid(ALICE));
    int code = root_find(root, ALICE, &found);
    assert_int_equal(0, seteuid(0));
    assert_int_equal(code, 0);
    root_found_done(&found);
    assert_int_equal(0, chmod(root, 0700));
    assert_int_equal(0, seteuid(ALICE));
    code = root_find(root, ALICE, &found);
    assert_int_equal(0, seteuid(0));
    assert_int_equal(code, -EACCES);
    assert_non_null(strstr(found.err.text, "permission denied"));
    root_found_done(&found);
    free(way);
    free(root);
}

static void test_who_called_is_asked_of_sudo(void **state)
{
    static const struct {
        const char *text;
        uid_t uid;
    } cases[] = {{"1000", 1000}, {"0", 0},           {"", 0},  {"-1", 0},
                 {"1000x", 0},   {"99999999999", 0}, {" 5", 0}};
    (void)state;
    unsetenv("PKEXEC_UID");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("SUDO_UID", cases[i].text, 1);
        assert_int_equal(root_invoker(), geteuid() == 0 ? cases[i].uid : geteuid());
    }
    unsetenv("SUDO_UID");
    assert_int_equal(root_invoker(), geteuid());
}

/* ------------------------------------------------------------ once it is open */

static void test_it_stays_the_directory_that_was_opened(void **state)
{
    char *place = *state, *dir = path_join(place, "dir"), *away = path_join(place, "away");
    struct root_found found;
    struct err err = {0};
    dir_make(place, "dir");
    dir_make(place, "other");
    assert_int_equal(0, look(place, "dir", &found));
    assert_int_equal(0, root_check(found.root, &err));
    assert_int_equal(0, rename(dir, away));
    assert_int_equal(ERR_CHANGED, root_check(found.root, &err)); /* nothing is there */
    make_link(place, "dir", "other");
    assert_int_equal(ERR_CHANGED, root_check(found.root, &err)); /* another one is */
    struct stat st;
    assert_int_equal(0, fstat(found.root->fd, &st));
    assert_int_equal(st.st_ino, found.root->ino);
    assert_int_equal(0, unlink(dir));
    make_link(place, "dir", "away");
    assert_int_equal(0, root_check(found.root, &err)); /* the very same, by a link */
    root_found_done(&found);
    free(dir);
    free(away);
}

static void test_what_it_lies_in(void **state)
{
    char *place = *state, *dir = path_join(place, "a/b"), *away = path_join(place, "away");
    struct root_found found;
    struct root *above;
    struct err err = {0};
    dir_make(place, "a/b");
    assert_int_equal(0, look(place, "a/b", &found));
    assert_int_equal(0, root_above(found.root, &above, &err));
    assert_string_equal(path_name(above->path), "a");
    root_release(above);
    assert_int_equal(0, rename(dir, away));
    assert_int_equal(ERR_CHANGED, root_above(found.root, &above, &err));
    root_found_done(&found);
    free(dir);
    free(away);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_way_ends_where_it_leads),
        CASE(test_the_top_is_a_directory_like_others),
        CASE(test_what_is_missing_is_named),
        CASE(test_a_planted_link_is_refused),
        CASE(test_a_planted_link_behind_ours_is_refused),
        CASE(test_other_users_directories_are_fine),
        CASE(test_only_the_root_is_read),
        CASE(test_who_called_is_asked_of_sudo),
        CASE(test_it_stays_the_directory_that_was_opened),
        CASE(test_what_it_lies_in),
    };
    limit_program(60);
    return cmocka_run_group_tests_name("root", tests, NULL, NULL);
}
