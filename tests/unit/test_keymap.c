#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tui/kit/keymap.h"

static const unsigned all_places[] = {
    KEYS_SERVICES,  KEYS_RECORDS,  KEYS_BUILD,        KEYS_DETAILS, KEYS_PLAN,
    KEYS_BUSY_PLAN, KEYS_PROGRESS, KEYS_RESULT,       KEYS_MENU,    KEYS_LOG,
    KEYS_HELP,      KEYS_ASK,      KEYS_CACHE,        KEYS_BROKEN,  KEYS_LINKS,
    KEYS_HISTORY,   KEYS_DOCTOR,   KEYS_NOTHING_PLAN, KEYS_PLACES,
};
enum { PLACES = sizeof all_places / sizeof all_places[0] };

static void test_no_key_has_two_meanings(void **state)
{
    (void)state;
    for (size_t i = 0; i < keymap_len; i++) {
        for (size_t k = i + 1; k < keymap_len; k++) {
            if (keymap[i].key != keymap[k].key)
                continue;
            assert_int_equal(keymap[i].where & keymap[k].where, 0);
            /* What holds everywhere is not to be taken by a place. */
            assert_true(keymap[i].where != 0 && keymap[k].where != 0);
        }
    }
}

static void test_rows_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < keymap_len; i++) {
        assert_int_not_equal(keymap[i].command, COMMAND_NONE);
        /* Another key of the row above: of the same command. */
        if (keymap[i].note == NULL) {
            assert_true(i > 0);
            assert_int_equal(keymap[i].command, keymap[i - 1].command);
            assert_null(keymap[i].label);
        }
    }
}

static void test_every_place_has_a_way_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLACES; i++) {
        enum command escape = keymap_find(all_places[i], INPUT_ESCAPE);
        enum command q = keymap_find(all_places[i], 'q');
        assert_true(escape == COMMAND_BACK || escape == COMMAND_NO);
        assert_true(q == COMMAND_BACK || q == COMMAND_QUIT || q == COMMAND_NO);
    }
    assert_int_equal(keymap_global(INPUT_CTRL('c')), COMMAND_QUIT_NOW);
    assert_int_equal(keymap_global('q'), COMMAND_NONE);
}

static void test_deleting_is_never_the_default(void **state)
{
    static const unsigned places[] = {KEYS_PLAN, KEYS_BUSY_PLAN, KEYS_ASK, KEYS_LINKS};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(keymap_find(places[i], INPUT_ENTER), COMMAND_NO);
        assert_int_equal(keymap_find(places[i], 'y'), COMMAND_YES);
        assert_int_equal(keymap_find(places[i], 'Y'), COMMAND_NONE);
    }
    /* A plan of nothing offers no yes. */
    assert_int_equal(keymap_find(KEYS_NOTHING_PLAN, 'y'), COMMAND_NONE);
    assert_int_equal(keymap_find(KEYS_NOTHING_PLAN, 'w'), COMMAND_WAIT);
}

static void test_names(void **state)
{
    static const struct {
        int key;
        const char *name, *ascii;
    } cases[] = {
        {'b', "b", "b"},       {' ', "Space", "Space"},      {INPUT_CTRL('l'), "Ctrl-L", "Ctrl-L"},
        {INPUT_UP, "↑", "Up"}, {INPUT_ESCAPE, "Esc", "Esc"}, {INPUT_TAB, "Tab", "Tab"},
    };
    char out[KEYMAP_NAME_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(keymap_name(out, cases[i].key, false), cases[i].name);
        assert_string_equal(keymap_name(out, cases[i].key, true), cases[i].ascii);
    }
}

/* ---- the manual's section is made from the table */

static const struct {
    unsigned where;
    const char *title;
} sections[] = {
    {0, "Everywhere"},
    {KEYS_MAIN, "Main screen"},
    {KEYS_PLAN | KEYS_BUSY_PLAN | KEYS_NOTHING_PLAN | KEYS_CAREFUL_PLAN, "Plan"},
    {KEYS_PROGRESS | KEYS_RESULT, "Deleting"},
    {KEYS_CACHE | KEYS_BROKEN | KEYS_LINKS, "Care for a cache"},
    {KEYS_LOG | KEYS_DETAILS | KEYS_HELP | KEYS_DOCTOR, "Log, details and help"},
    {KEYS_HISTORY, "History"},
    {KEYS_MENU | KEYS_PLACES | KEYS_ASK, "Menus and questions"},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

/* Each row stands in the first section that it holds in. */
static size_t section_of(const struct key_binding *binding)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (binding->where == 0 || (binding->where & sections[i].where) != 0)
            return i;
    return SECTIONS;
}

static char *manual_section(void)
{
    struct buf text = {0};
    for (size_t i = 0; i < SECTIONS; i++) {
        buf_printf(&text, ".Ss %s\n.Bl -tag -width \"PgDn Ctrl-D\" -compact\n", sections[i].title);
        for (size_t k = 0; k < keymap_len; k++) {
            char keys[KEYMAP_KEYS_SIZE];
            if (keymap[k].note == NULL || section_of(&keymap[k]) != i)
                continue;
            keymap_keys(keys, k, 0, true);
            /* A lone punctuation mark means something else to mdoc. */
            buf_printf(&text, ".It Ic %s%s\n%s.\n", strlen(keys) == 1 ? "\\&" : "", keys,
                       keymap[k].note);
        }
        buf_append_str(&text, ".El\n");
    }
    return buf_take(&text);
}

static const char begin[] = ".\\\" Keys: made from tui/keymap.c by BILGE_UPDATE_GOLDEN=1 "
                            "tests/unit/test_keymap\n";
static const char end[] = ".\\\" End of the keys\n";

static char *read_manual(const char *path)
{
    struct buf text = {0};
    char part[4096];
    size_t len;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((len = fread(part, 1, sizeof part, file)) > 0)
        buf_append(&text, part, len);
    fclose(file);
    return buf_take(&text);
}

static void test_manual(void **state)
{
    char *path = mem_printf("%s/../../doc/bilge.1", getenv("BILGE_TEST_DATA"));
    char *manual = read_manual(path), *expected = manual_section();
    (void)state;
    char *from = strstr(manual, begin), *to = strstr(manual, end);
    assert_non_null(from);
    assert_non_null(to);
    from += strlen(begin);
    if (getenv("BILGE_UPDATE_GOLDEN") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%.*s%s%s", (int)(from - manual), manual, expected, to);
        assert_int_equal(fclose(file), 0);
    } else {
        *to = '\0';
        assert_string_equal(from, expected);
    }
    free(expected);
    free(manual);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_key_has_two_meanings),
        cmocka_unit_test(test_rows_are_whole),
        cmocka_unit_test(test_every_place_has_a_way_out),
        cmocka_unit_test(test_deleting_is_never_the_default),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_manual),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
