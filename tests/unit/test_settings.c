/* The settings file: every type, every way to get it wrong, the table and what
 * is made from it. */
#include <errno.h>
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
#include "core/settings/settings.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"

static char *directory;

static int open_directory(void **state)
{
    (void)state;
    directory = tempdir_new();
    return 0;
}

static int close_directory(void **state)
{
    (void)state;
    tempdir_free(directory);
    return 0;
}

/* Reads this as a settings file. */
static int read_bytes(struct settings *settings, const void *bytes, size_t len, struct err *err)
{
    char *path = path_join(directory, "bilge.conf");
    file_write(directory, "bilge.conf", bytes, len);
    settings_init(settings);
    int code = settings_read(settings, path, true, NULL, err);
    free(path);
    return code;
}

static int read_text(struct settings *settings, const char *text, struct err *err)
{
    return read_bytes(settings, text, strlen(text), err);
}

static void refuses(const char *text, size_t len, int line, const char *words)
{
    struct settings settings;
    struct err err = {0};
    char *place = mem_printf("/bilge.conf:%d: ", line);
    int code = read_bytes(&settings, text, len, &err);
    if (code != ERR_USAGE || strstr(err.text, place) == NULL || strstr(err.text, words) == NULL)
        fail_msg("\"%.40s\": %d \"%s\", wanted \"%s\" and \"%s\"", text, code, err.text, place,
                 words);
    settings_done(&settings);
    free(place);
}

/* ------------------------------------------------------------------- values */

static void an_empty_file_leaves_the_defaults(void **state)
{
    static const char *const texts[] = {"",
                                        "\n\n",
                                        "; nothing\n# nothing\n",
                                        "[disk]\n[ui]\n",
                                        "\xef\xbb\xbf",
                                        "\xef\xbb\xbf[disk]\r\n",
                                        "   \n\t\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct settings settings;
        assert_int_equal(0, read_text(&settings, texts[i], NULL));
        assert_int_equal(settings.disk_amber.used_percent, 85);
        assert_int_equal(settings.disk_red.used_percent, 95);
        assert_int_equal(settings.build_parallel, 1);
        assert_int_equal(settings.log_memory, 64 << 20);
        assert_int_equal(settings.guard_interval, 300);
        assert_int_equal(settings.guard_keep_free, 0);
        assert_true(settings.ui_mouse && !settings.ui_ascii);
        assert_true(settings.given == 0);
        settings_done(&settings);
    }
}

static void every_kind_is_read(void **state)
{
    static const char text[] = "cache-root = /data/caches\n"
                               "cache-root: ~/more  ; a comment\n"
                               "[disk]\n"
                               "  amber = 80%\n"
                               "\tred = 5GB\n"
                               "[build]\r\n"
                               "args = A=1\r\n"
                               "args = B=two words = fine\n"
                               "profiles = dev\nprofiles = test\n"
                               "pull = ON\nno-cache = true\nparallel = 3\nnotify = Both\n"
                               "[log]\nmemory = 8MiB\n"
                               "[guard]\nkeep-free = 20 GB\ninterval = 1h30m\nolder-than = 7d\n"
                               "[ui]\ncolor = never\nascii = 1\nmouse = off";
    struct settings settings;
    struct err err = {0};
    (void)state;
    setenv("HOME", "/home/somebody", 1);
    if (read_text(&settings, text, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(settings.cache_roots.len, 2);
    assert_string_equal(settings.cache_roots.items[0], "/data/caches");
    assert_string_equal(settings.cache_roots.items[1], "/home/somebody/more");
    assert_int_equal(settings.disk_amber.used_percent, 80);
    assert_int_equal(settings.disk_red.used_percent, 0);
    assert_true(settings.disk_red.free_bytes == INT64_C(5000000000));
    assert_int_equal(settings.build_args.len, 2);
    assert_string_equal(settings.build_args.items[1], "B=two words = fine");
    assert_int_equal(settings.build_profiles.len, 2);
    assert_string_equal(settings.build_profiles.items[1], "test");
    assert_true(settings.build_pull && settings.build_no_cache);
    assert_int_equal(settings.build_parallel, 3);
    assert_int_equal(settings.build_notify, SETTINGS_NOTIFY_BOTH);
    assert_int_equal(settings.log_memory, 8 << 20);
    assert_true(settings.guard_keep_free == INT64_C(20000000000));
    assert_int_equal(settings.guard_interval, 5400);
    assert_int_equal(settings.guard_older_than, 7 * 24 * 3600);
    assert_int_equal(settings.ui_color, SETTINGS_COLOR_NEVER);
    assert_true(settings.ui_ascii && !settings.ui_mouse);
    settings_done(&settings);
}

/* ------------------------------------------------------------------- errors */

static void what_makes_no_sense_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *words;
    } cases[] = {
        {"\n[disk]\namber = 85B\n", 0, NULL},
        {"\n[disk]\namber = 85\n", 3, "disk.amber: 85 what? such as 85% of the disk used"},
        {"[disk]\nred = 10\n", 2, "disk.red: 10 what?"},
        {"[log]\nmemory = 64\n", 2, "log.memory: 64 what? such as 64GB"},
        {"[guard]\nkeep-free = 10\n", 2, "guard.keep-free: 10 what? such as 10GB"},
        {"[guard]\ninterval = 5\n", 2, "guard.interval: 5 what? such as 5d"},
        {"[guard]\nolder-than = 7\n", 2, "guard.older-than: 7 what? such as 7d"},
        {"[guard]\nkeep-free = 10%\n", 2, "guard.keep-free: \"10%\" is not a size"},
        {"[build]\nparallel = 3GB\n", 2, "is not a number"},
        {"[disk]\namber = much\n", 2, "disk.amber: \"much\" is not a percentage"},
        {"[disk]\namber = 0%\n", 2, "disk.amber"},
        {"[disk]\namber = 101%\n", 2, "disk.amber"},
        {"[disk]\nred =\n", 2, "disk.red: the value is empty"},
        {"[disk]\nred = 90%\nred = 91%\n", 3, "disk.red is given twice"},
        {"[disk]\ngreen = 5%\n", 2, "there is no setting \"green\" in [disk] (there are: amber"},
        {"[disc]\n", 1, "there is no section [disc]"},
        {"[disk]\namber = 80%\n[nosuch]\n[ui]\n", 3, "there is no section [nosuch]"},
        {"amber = 80%\n", 1, "there is no setting \"amber\" before the first section"},
        {"[ui]\ncache-root = /x\n", 2, "\"cache-root\" in [ui]"},
        {"cache-root = caches\n", 1, "cache-root: \"caches\" is not an absolute path"},
        {"cache-root = ~else/caches\n", 1, "not an absolute path"},
        {"[build]\nargs = NAME\n", 2, "build.args: \"NAME\" is not NAME=value"},
        {"[build]\nargs = =x\n", 2, "build.args"},
        {"[build]\nargs = a b=x\n", 2, "build.args"},
        {"[build]\nargs = --no-cache=x\n", 2, "build.args"},
        {"[build]\nprofiles = -x\n", 2, "build.profiles: \"-x\" is not a name"},
        {"[build]\nprofiles = a b\n", 2, "build.profiles"},
        {"[build]\npull = maybe\n", 2, "build.pull: \"maybe\" is not yes or no"},
        {"[build]\nparallel = 0\n", 2, "build.parallel: \"0\" is too small"},
        {"[build]\nparallel = 17\n", 2, "build.parallel: \"17\" is too large"},
        {"[build]\nparallel = -1\n", 2, "is not a number"},
        {"[build]\nparallel = 2x\n", 2, "is not a number"},
        {"[build]\nparallel = 99999999999999999999\n", 2, "is not a number"},
        {"[build]\nnotify = loud\n", 2, "is not one of none|bell|osc9|both"},
        {"[log]\nmemory = 1kB\n", 2, "log.memory: \"1kB\" is too small"},
        {"[log]\nmemory = 5TB\n", 2, "log.memory: \"5TB\" is too large"},
        {"[log]\nmemory = lots\n", 2, "is not a size"},
        {"[guard]\nkeep-free = 0B\n", 2, "guard.keep-free: \"0B\" is too small"},
        {"[guard]\ninterval = 5x\n", 2, "guard.interval: \"5x\" is not an age"},
        {"[guard]\ninterval = 0s\n", 2, "too small"},
        {"[ui]\ncolor = red\n", 2, "is not one of auto|always|never"},
        {"[ui]\nascii\n", 2, "this is neither"},
        {"[ui\n", 1, "this is neither"},
        {"[ui]\n\n; fine\nwhat is this\nascii = maybe\n", 4, "this is neither"},
        {"[ui]\nascii = maybe\nwhat is this\n", 2, "ui.ascii"},
        {"[ui]\nascii = \x1b[31m\n", 2, "there is a control character"},
        {"[ui]\nascii = y\res\n", 2, "there is a control character"},
        {"# a\x01\n", 1, "there is a control character"},
        {"[ui]\nas\x7f = yes\n", 2, "there is a control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct settings settings;
        if (cases[i].words != NULL) {
            refuses(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].words);
            continue;
        }
        assert_int_equal(0, read_text(&settings, cases[i].text, NULL));
        settings_done(&settings);
    }
}

static void a_zero_byte_is_refused(void **state)
{
    static const char text[] = "[ui]\nascii = yes\0no\n";
    (void)state;
    refuses(text, sizeof text - 1, 2, "there is a control character");
}

static void lines_are_whole_or_refused(void **state)
{
    struct settings settings;
    (void)state;
    /* As long as may be: all of the value arrives. */
    struct buf text = {0};
    buf_append_str(&text, "[build]\nargs = A=");
    while (text.len - strlen("[build]\n") < SETTINGS_LINE_MAX)
        buf_append_str(&text, "x");
    buf_append_str(&text, "\n");
    assert_int_equal(0, read_bytes(&settings, text.data, text.len, NULL));
    assert_int_equal(strlen(settings.build_args.items[0]), SETTINGS_LINE_MAX - strlen("args = "));
    settings_done(&settings);
    /* One more is too long, whether a line ends there or not. */
    text.len--;
    buf_append_str(&text, "x\n");
    refuses(text.data, text.len, 2, "the line is too long");
    text.len--;
    refuses(text.data, text.len, 2, "the line is too long");
    buf_done(&text);
}

static void a_line_of_a_megabyte_is_refused(void **state)
{
    size_t len = 1 << 20;
    char *text = mem_alloc(len + 1);
    (void)state;
    memset(text, 'x', len);
    text[len] = '\0';
    memcpy(text, "\n[ui]\n", 6);
    refuses(text, len, 3, "the line is too long");
    free(text);
}

static void a_large_file_is_refused(void **state)
{
    struct buf text = {0};
    (void)state;
    while (text.len <= SETTINGS_FILE_MAX)
        buf_append_str(&text, "# nothing\n");
    refuses(text.data, text.len, SETTINGS_FILE_MAX / 10 + 1, "the file is too large");
    buf_done(&text);
}

/* -------------------------------------------------------------------- files */

static void reads(const char *path, bool must_exist, int wanted, bool wanted_found,
                  const char *words)
{
    struct settings settings;
    struct err err = {0};
    bool found = !wanted_found;
    settings_init(&settings);
    int code = settings_read(&settings, path, must_exist, &found, &err);
    if (code != wanted || found != wanted_found || strstr(err.text, words) == NULL)
        fail_msg("%s: %d %d \"%s\"", path, code, found, err.text);
    settings_done(&settings);
}

static void only_files_are_read(void **state)
{
    (void)state;
    dir_make(directory, "dir");
    file_write_text(directory, "file", "");
    char *dir = path_join(directory, "dir"), *fifo = path_join(directory, "fifo");
    char *missing = path_join(directory, "missing"), *below = path_join(directory, "file/below");
    assert_int_equal(0, mkfifo(fifo, 0600));
    reads(dir, true, ERR_UNSUPPORTED, false, "not a file");
    reads(dir, false, ERR_UNSUPPORTED, false, "not a file");
    reads(fifo, false, ERR_UNSUPPORTED, false, "not a file"); /* nobody writes into it: no wait */
    reads("/dev/zero", true, ERR_UNSUPPORTED, false, "not a file");
    reads("/dev/null", true, 0, true, "");
    reads(missing, true, -ENOENT, false, "no such file");
    reads(missing, false, 0, false, "");
    reads(below, true, -ENOTDIR, false, "not a directory");
    reads(below, false, 0, false, "");
    free(dir);
    free(fifo);
    free(missing);
    free(below);
}

static void what_may_not_be_read_is_said(void **state)
{
    uid_t us = geteuid();
    (void)state;
    dir_make(directory, "closed");
    file_write_text(directory, "secret", "[ui]\n");
    char *secret = path_join(directory, "secret"), *closed = path_join(directory, "closed");
    char *inside = path_join(directory, "closed/bilge.conf");
    chmod(secret, 0);
    chmod(closed, 0);
    chmod(directory, 0755);
    if (us == 0) /* who may read everything */
        assert_int_equal(0, seteuid(65534));
    reads(secret, false, -EACCES, false, "permission denied");
    reads(inside, true, -EACCES, false, "permission denied");
    reads(inside, false, 0, false, ""); /* somebody else's home */
    assert_int_equal(0, seteuid(us));
    chmod(closed, 0700);
    free(secret);
    free(closed);
    free(inside);
}

static void the_place_follows_the_environment(void **state)
{
    static const struct {
        const char *config, *home, *path;
    } cases[] = {
        {"/cfg", "/home/a", "/cfg/bilge/bilge.conf"},
        {NULL, "/home/a", "/home/a/.config/bilge/bilge.conf"},
        {"", "/home/a", "/home/a/.config/bilge/bilge.conf"},
        {"relative", "/home/a", "/home/a/.config/bilge/bilge.conf"},
        {NULL, NULL, NULL},
        {NULL, "", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsetenv("XDG_CONFIG_HOME");
        unsetenv("HOME");
        if (cases[i].config != NULL)
            setenv("XDG_CONFIG_HOME", cases[i].config, 1);
        if (cases[i].home != NULL)
            setenv("HOME", cases[i].home, 1);
        char *path = settings_default_path();
        if (cases[i].path == NULL)
            assert_null(path);
        else
            assert_string_equal(path, cases[i].path);
        free(path);
    }
}

/* -------------------------------------------------------------------- table */

/* What is listed can be read again, and says the same. */
static void values_survive_the_listing(void **state)
{
    static const struct {
        const char *section, *name, *text, *listed;
    } cases[] = {
        {"disk", "amber", "085%", "85%"},     {"disk", "red", "2GiB", "2GiB"},
        {"disk", "red", "1.5GB", "1500MB"},   {"disk", "red", "1234567 B", "1234567B"},
        {"guard", "interval", "90s", "90s"},  {"guard", "interval", "1h30m", "90m"},
        {"guard", "older-than", "14d", "2w"}, {"log", "memory", "1024 MiB", "1GiB"},
        {"build", "pull", "True", "yes"},     {"build", "notify", "OSC9", "osc9"},
        {"build", "args", "A=b=c", "A=b=c"},  {"", "cache-root", "/a b", "/a b"},
        {"build", "parallel", "16", "16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct setting *setting = settings_find(cases[i].section, cases[i].name);
        assert_non_null(setting);
        const char *text = cases[i].text;
        for (int round = 0; round < 2; round++) {
            struct settings settings;
            struct buf listed = {0};
            settings_init(&settings);
            assert_int_equal(0, settings_set(&settings, setting, text, NULL));
            assert_int_equal(1, setting_values(&settings, setting));
            setting_append_value(&settings, setting, 0, &listed);
            assert_string_equal(listed.data, cases[i].listed);
            text = cases[i].listed;
            buf_done(&listed);
            settings_done(&settings);
        }
    }
}

static void the_table_is_whole(void **state)
{
    struct settings settings;
    (void)state;
    settings_init(&settings);
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *setting = &settings_table[i];
        struct err err = {0};
        /* Sections stand together, what has none comes first. */
        for (size_t k = 0; k + 1 < i; k++)
            assert_true(strcmp(settings_table[k].section, setting->section) != 0 ||
                        strcmp(settings_table[i - 1].section, setting->section) == 0);
        assert_ptr_equal(settings_find(setting->section, setting->name), setting);
        assert_true((setting->fallback != NULL) != (setting->example != NULL));
        assert_true((setting->choices != NULL) == (setting->kind == SETTING_CHOICE));
        assert_true(setting->help[strlen(setting->help) - 1] != '.');
        const char *text = setting->fallback != NULL ? setting->fallback : setting->example;
        if (settings_set(&settings, setting, text, &err) != 0)
            fail_msg("%s", err.text);
        assert_true(settings_is_given(&settings, setting));
    }
    settings_done(&settings);
}

/* ------------------------------------ the manual's section is made from it */

static void append_mdoc(struct buf *text, const char *words)
{
    for (; *words != '\0'; words++)
        buf_printf(text, "%s%c", *words == '-' ? "\\" : "", *words);
}

static char *manual_section(void)
{
    struct buf text = {0};
    buf_append_str(&text, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *setting = &settings_table[i];
        struct buf form = {0};
        char *name = setting_name(setting);
        setting_append_form(setting, &form);
        buf_printf(&text, ".It Va %s No = Ar %s\n", name, form.data);
        append_mdoc(&text, setting->help);
        if (setting->fallback != NULL)
            buf_printf(&text, ".\nThe default is\n.Ql %s .\n", setting->fallback);
        else
            buf_append_str(&text,
                           setting_is_list(setting) ? "; may be given several times.\n" : ".\n");
        buf_done(&form);
        free(name);
    }
    buf_append_str(&text, ".El\n");
    return buf_take(&text);
}

static const char begin[] = ".\\\" Settings: made from core/settings/settings.c by "
                            "BILGE_UPDATE_GOLDEN=1 tests/unit/test_settings\n";
static const char end[] = ".\\\" End of the settings\n";

static void the_manual_says_the_same(void **state)
{
    char *doc = mem_printf("%s/../../doc", getenv("BILGE_TEST_DATA"));
    char *manual = file_read(doc, "bilge.1", NULL), *expected = manual_section();
    (void)state;
    char *from = strstr(manual, begin), *to = strstr(manual, end);
    assert_non_null(from);
    assert_non_null(to);
    from += strlen(begin);
    if (getenv("BILGE_UPDATE_GOLDEN") != NULL) {
        char *text = mem_printf("%.*s%s%s", (int)(from - manual), manual, expected, to);
        file_write_text(doc, "bilge.1", text);
        free(text);
    } else {
        *to = '\0';
        assert_string_equal(from, expected);
    }
    free(expected);
    free(manual);
    free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_leaves_the_defaults),
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(what_makes_no_sense_is_named_with_its_line),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(lines_are_whole_or_refused),
        cmocka_unit_test(a_line_of_a_megabyte_is_refused),
        cmocka_unit_test(a_large_file_is_refused),
        cmocka_unit_test(only_files_are_read),
        cmocka_unit_test(what_may_not_be_read_is_said),
        cmocka_unit_test(the_place_follows_the_environment),
        cmocka_unit_test(values_survive_the_listing),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(the_manual_says_the_same),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, open_directory, close_directory);
}
