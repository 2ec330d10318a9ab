#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/fs_kit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* One of each kind: file, dir, link (to dir), dangling, fifo. */
static void make_kinds(struct fs_place *place)
{
    file_write_text(place->path, "file", "content");
    file_write_text(place->path, "dir/below", "b");
    assert_int_equal(0, symlinkat("dir", place->fd, "link"));
    assert_int_equal(0, symlinkat("nowhere", place->fd, "dangling"));
    assert_int_equal(0, mkfifoat(place->fd, "fifo", 0600));
}

static void test_names(void **state)
{
    static const char *const good[] = {"a", ".a", "...", "..a", "a\nb", "\xff", " ", "-rf", "\\"};
    static const char *const bad[] = {"", ".", "..", "/", "a/b", "/a", "a/", "../a"};
    (void)state;
    for (size_t i = 0; i < LEN(good); i++)
        assert_true(fs_is_name(good[i]));
    for (size_t i = 0; i < LEN(bad); i++)
        assert_false(fs_is_name(bad[i]));
}

static void test_bad_names_are_refused_everywhere(void **state)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/etc", "../x"};
    struct fs_place *place = *state;
    struct fs_stat stat;
    struct buf buf = {0};
    int fd = -7;
    for (size_t i = 0; i < LEN(names); i++) {
        assert_int_equal(-EINVAL, fs_stat_at(place->fd, names[i], &stat, NULL));
        assert_int_equal(-EINVAL, fs_open_dir(place->fd, names[i], &fd, NULL));
        assert_int_equal(-EINVAL, fs_read_file(place->fd, names[i], 10, &buf, NULL));
        assert_int_equal(-EINVAL, fs_write_file(place->fd, names[i], "x", 1, 0600, NULL));
    }
    assert_int_equal(-7, fd);
    assert_null(buf.data);
}

static void test_open_root(void **state)
{
    struct fs_place *place = *state;
    struct err err;
    int fd = -7;
    make_kinds(place);
    char *through_link = path_join(place->path, "link");
    char *file = path_join(place->path, "file"), *none = path_join(place->path, "none");
    assert_int_equal(-ENOTDIR, fs_open_root(file, &fd, &err));
    assert_int_equal(-ENOENT, fs_open_root(none, &fd, &err));
    assert_non_null(strstr(err.text, none));
    assert_int_equal(-7, fd);
    assert_int_equal(0, fs_open_root(through_link, &fd, &err));
    assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
    close(fd);
    free(through_link);
    free(file);
    free(none);
}

static void test_open_dir(void **state)
{
    static const struct {
        const char *name;
        int code;
    } refused[] = {
        {"file", -ENOTDIR}, {"link", -ELOOP},  {"dangling", -ELOOP},
        {"fifo", -ENOTDIR}, {"none", -ENOENT},
    };
    struct fs_place *place = *state;
    struct err err;
    int fd = -7;
    make_kinds(place);
    for (size_t i = 0; i < LEN(refused); i++) {
        assert_int_equal(refused[i].code, fs_open_dir(place->fd, refused[i].name, &fd, &err));
        assert_int_equal(-7, fd);
        assert_int_equal(err.code, refused[i].code);
    }
    assert_int_equal(0, fs_open_dir(place->fd, "dir", &fd, &err));
    assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
    close(fd);
}

static void test_open_dir_stops_at_another_file_system(void **state)
{
    int root, fd = -7;
    struct stat above, below;
    (void)state;
    if (stat("/", &above) < 0 || stat("/proc", &below) < 0 || above.st_dev == below.st_dev)
        skip();
    assert_int_equal(0, fs_open_root("/", &root, NULL));
    assert_int_equal(-EXDEV, fs_open_dir(root, "proc", &fd, NULL));
    assert_int_equal(-7, fd);
    close(root);
}

static void test_stat(void **state)
{
    static const struct {
        const char *name;
        enum fs_type type;
    } kinds[] = {
        {"file", FS_FILE},        {"dir", FS_DIR},    {"link", FS_SYMLINK},
        {"dangling", FS_SYMLINK}, {"fifo", FS_OTHER},
    };
    struct fs_place *place = *state;
    struct fs_stat stat, again;
    make_kinds(place);
    for (size_t i = 0; i < LEN(kinds); i++) {
        assert_int_equal(0, fs_stat_at(place->fd, kinds[i].name, &stat, NULL));
        assert_int_equal(stat.type, kinds[i].type);
    }
    assert_int_equal(-ENOENT, fs_stat_at(place->fd, "none", &stat, NULL));

    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {1795333444, 470342626}};
    assert_int_equal(0, utimensat(place->fd, "file", times, 0));
    assert_int_equal(0, fchmodat(place->fd, "file", 04640, 0));
    assert_int_equal(0, linkat(place->fd, "file", place->fd, "second", 0));
    assert_int_equal(0, fs_stat_at(place->fd, "file", &stat, NULL));
    assert_int_equal(0, fs_stat_at(place->fd, "second", &again, NULL));
    assert_int_equal(stat.size_bytes, 7);
    assert_int_equal(stat.nlink, 2);
    assert_int_equal(stat.mode, 04640);
    assert_int_equal(stat.uid, geteuid());
    assert_int_equal(stat.modified_at, INT64_C(1795333444470342626));
    assert_true(stat.ino == again.ino && stat.dev == again.dev);

    int fd = openat(place->fd, "file", O_RDONLY);
    assert_int_equal(0, fs_stat_fd(fd, &again, NULL));
    assert_true(stat.ino == again.ino && stat.modified_at == again.modified_at);
    close(fd);
    assert_int_equal(-EBADF, fs_stat_fd(fd, &again, NULL));
}

static void test_allocated_is_not_apparent(void **state)
{
    struct fs_place *place = *state;
    struct fs_stat stat;
    file_write_text(place->path, "sparse", "x");
    char *path = path_join(place->path, "sparse");
    assert_int_equal(0, truncate(path, 1 << 30));
    assert_int_equal(0, fs_stat_at(place->fd, "sparse", &stat, NULL));
    assert_int_equal(stat.size_bytes, 1 << 30);
    assert_true(stat.allocated_bytes < 1 << 20);
    free(path);
}

static void test_read(void **state)
{
    struct fs_place *place = *state;
    for (size_t size = 0; size < 20000; size = size * 3 + 1) {
        char *data = mem_alloc(size);
        struct buf buf = {0};
        struct err err;
        memset(data, 'd', size);
        file_write(place->path, "f", data, size);
        buf_append_str(&buf, "before ");
        if (size > 0) {
            assert_int_equal(ERR_LIMIT, fs_read_file(place->fd, "f", size - 1, &buf, &err));
            assert_string_equal(buf.data, "before ");
        }
        assert_int_equal(0, fs_read_file(place->fd, "f", size, &buf, &err));
        assert_int_equal(0, fs_read_file(place->fd, "f", SIZE_MAX, &buf, &err));
        assert_int_equal(buf.len, 7 + 2 * size);
        assert_memory_equal(buf.data + 7, data, size);
        assert_memory_equal(buf.data + 7 + size, data, size);
        assert_int_equal(buf.data[buf.len], '\0');
        buf_done(&buf);
        free(data);
    }
}

static void test_read_refuses(void **state)
{
    static const struct {
        const char *name;
        int code;
    } cases[] = {
        {"dir", ERR_FOREIGN},      {"link", ERR_FOREIGN}, {"file-link", ERR_FOREIGN},
        {"dangling", ERR_FOREIGN}, {"fifo", ERR_FOREIGN}, {"none", -ENOENT},
    };
    struct fs_place *place = *state;
    struct buf buf = {0};
    struct err err;
    make_kinds(place);
    assert_int_equal(0, symlinkat("file", place->fd, "file-link"));
    for (size_t i = 0; i < LEN(cases); i++) {
        assert_int_equal(cases[i].code, fs_read_file(place->fd, cases[i].name, 99, &buf, &err));
        assert_non_null(strstr(err.text, cases[i].name));
        assert_int_equal(buf.len, 0);
    }
    buf_done(&buf);
}

/* Files of /proc say that they are empty, and grow while they are read. */
static void test_read_more_than_the_size_says(void **state)
{
    struct buf buf = {0};
    int fd;
    (void)state;
    if (fs_open_root("/proc/self", &fd, NULL) < 0)
        skip();
    assert_int_equal(0, fs_read_file(fd, "status", 1 << 20, &buf, NULL));
    assert_non_null(strstr(buf.data, "Pid:"));
    buf_clear(&buf);
    assert_int_equal(ERR_LIMIT, fs_read_file(fd, "status", 16, &buf, NULL));
    assert_int_equal(buf.len, 0);
    buf_done(&buf);
    close(fd);
}

static int count_entry(void *arg, const char *name, enum fs_type type)
{
    (void)name;
    (void)type;
    ++*(int *)arg;
    return 0;
}

static int count_entries(int fd)
{
    int count = 0;
    assert_int_equal(0, fs_each(fd, count_entry, &count, NULL));
    return count;
}

static void check_content(struct fs_place *place, const char *name, const char *wanted)
{
    char *data = file_read(place->path, name, NULL);
    assert_string_equal(data, wanted);
    free(data);
}

static void test_write(void **state)
{
    struct fs_place *place = *state;
    struct fs_stat stat;
    mode_t old = umask(077);
    assert_int_equal(0, fs_write_file(place->fd, "f", "one", 3, 0644, NULL));
    umask(old);
    check_content(place, "f", "one");
    assert_int_equal(0, fs_stat_at(place->fd, "f", &stat, NULL));
    assert_int_equal(stat.mode, 0644);
    uint64_t first = stat.ino;
    assert_int_equal(0, fs_write_file(place->fd, "f", "", 0, 0600, NULL));
    check_content(place, "f", "");
    assert_int_equal(0, fs_stat_at(place->fd, "f", &stat, NULL));
    assert_true(stat.ino != first); /* never in place */
    assert_int_equal(1, count_entries(place->fd));
}

static void test_write_replaces_a_link_not_its_target(void **state)
{
    struct fs_place *place = *state;
    struct fs_stat stat;
    file_write_text(place->path, "target", "safe");
    assert_int_equal(0, symlinkat("target", place->fd, "f"));
    assert_int_equal(0, fs_write_file(place->fd, "f", "new", 3, 0600, NULL));
    check_content(place, "target", "safe");
    check_content(place, "f", "new");
    assert_int_equal(0, fs_stat_at(place->fd, "f", &stat, NULL));
    assert_int_equal(FS_FILE, stat.type);
}

static void test_write_leaves_nothing_when_it_fails(void **state)
{
    struct fs_place *place = *state;
    struct err err;
    char longest[NAME_MAX + 2];
    dir_make(place->path, "dir");
    assert_int_equal(-EISDIR, fs_write_file(place->fd, "dir", "x", 1, 0600, &err));
    memset(longest, 'n', sizeof longest);
    longest[NAME_MAX + 1] = '\0';
    assert_true(fs_write_file(place->fd, longest, "x", 1, 0600, &err) < 0);
    assert_int_equal(1, count_entries(place->fd));
    longest[NAME_MAX] = '\0';
    assert_int_equal(0, fs_write_file(place->fd, longest, "x", 1, 0600, &err));
    assert_int_equal(2, count_entries(place->fd));
}

struct seen {
    int count, stop_after;
    int files, dirs, links, others;
};

static int look(void *arg, const char *name, enum fs_type type)
{
    struct seen *seen = arg;
    assert_true(fs_is_name(name));
    seen->files += type == FS_FILE;
    seen->dirs += type == FS_DIR;
    seen->links += type == FS_SYMLINK;
    seen->others += type == FS_OTHER;
    return ++seen->count == seen->stop_after ? 42 : 0;
}

static void test_each(void **state)
{
    struct fs_place *place = *state;
    struct seen seen = {0};
    assert_int_equal(0, count_entries(place->fd));
    make_kinds(place);
    for (int round = 0; round < 2; round++) { /* it is rewound each time */
        seen = (struct seen){0};
        assert_int_equal(0, fs_each(place->fd, look, &seen, NULL));
        assert_int_equal(5, seen.count);
        if (seen.others == 1) /* else this file system does not tell */
            assert_true(seen.files == 1 && seen.dirs == 1 && seen.links == 2);
    }
    seen = (struct seen){.stop_after = 2};
    assert_int_equal(42, fs_each(place->fd, look, &seen, NULL));
    assert_int_equal(2, seen.count);
}

static void test_each_of_many_and_of_none(void **state)
{
    struct fs_place *place = *state;
    struct err err;
    for (int i = 0; i < 3000; i++) {
        char name[200];
        snprintf(name, sizeof name, "%0150d", i);
        int fd = openat(place->fd, name, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(3000, count_entries(place->fd));
    int count = 0;
    assert_int_equal(-EBADF, fs_each(-1, count_entry, &count, &err));
    assert_int_equal(0, count);
}

static void test_space(void **state)
{
    struct fs_place *place = *state;
    struct fs_space space;
    assert_int_equal(0, fs_space(place->fd, &space, NULL));
    assert_true(space.total_bytes > 0 && space.free_bytes >= 0);
    assert_true(space.free_bytes <= space.total_bytes);
    assert_false(space.read_only);
    assert_int_equal(-EBADF, fs_space(-1, &space, NULL));
    int shm;
    if (fs_open_root("/dev/shm", &shm, NULL) == 0) {
        assert_int_equal(0, fs_space(shm, &space, NULL));
        assert_true(space.in_memory);
        close(shm);
    }
}

static void mounted_at(const char *path, const char *expected)
{
    char *place = fs_mount_point(path);
    if (expected == NULL)
        assert_null(place);
    else
        assert_string_equal(place, expected);
    free(place);
}

static void test_mount_point(void **state)
{
    struct fs_place *place = *state;
    struct stat shm, above;
    mounted_at("/", "/");
    mounted_at("/nosuch/directory", NULL);
    mounted_at("", NULL);
    /* Everything below lies on the file system of the directory itself. */
    char *mount = fs_mount_point(place->path), *link = path_join(place->path, "link");
    char *below = path_join(place->path, "a/b");
    assert_non_null(mount);
    assert_true(strncmp(place->path, mount, strlen(mount)) == 0);
    dir_make(place->path, "a");
    dir_make(place->path, "a/b");
    mounted_at(below, mount);
    if (stat("/dev/shm", &shm) == 0 && stat("/dev", &above) == 0 && shm.st_dev != above.st_dev) {
        mounted_at("/dev/shm", "/dev/shm");
        assert_int_equal(0, symlink("/dev/shm", link));
        mounted_at(link, "/dev/shm");
    }
    free(mount);
    free(link);
    free(below);
}

static void test_make_dir(void **state)
{
    struct fs_place *place = *state;
    struct fs_stat stat;
    int fd;
    make_kinds(place);
    assert_int_equal(0, fs_make_dir(place->fd, "dir", &fd, NULL)); /* it is there */
    assert_int_equal(0, fs_stat_at(fd, "below", &stat, NULL));
    close(fd);
    assert_int_equal(-EINVAL, fs_make_dir(place->fd, "a/b", &fd, NULL));
    assert_int_equal(-ENOTDIR, fs_make_dir(place->fd, "file", &fd, NULL));
    assert_int_equal(-ELOOP, fs_make_dir(place->fd, "link", &fd, NULL));
    assert_int_equal(-1, fd);
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(0, fchown(place->fd, 65534, 65534));
    assert_int_equal(0, fs_make_dir(place->fd, "new", &fd, NULL));
    assert_int_equal(0, fs_stat_fd(fd, &stat, NULL));
    assert_int_equal(root ? 65534 : geteuid(), stat.uid);
    close(fd);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fs_place_setup, fs_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        CASE(test_bad_names_are_refused_everywhere),
        CASE(test_open_root),
        CASE(test_open_dir),
        CASE(test_make_dir),
        cmocka_unit_test(test_open_dir_stops_at_another_file_system),
        CASE(test_stat),
        CASE(test_allocated_is_not_apparent),
        CASE(test_read),
        CASE(test_read_refuses),
        cmocka_unit_test(test_read_more_than_the_size_says),
        CASE(test_write),
        CASE(test_write_replaces_a_link_not_its_target),
        CASE(test_write_leaves_nothing_when_it_fails),
        CASE(test_each),
        CASE(test_each_of_many_and_of_none),
        CASE(test_space),
        CASE(test_mount_point),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
