/* Regular expressions: what they match, what is refused, and that none of them
 * takes the program with it. */
#include <locale.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/expression.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static bool matches(const char *pattern, const char *text)
{
    struct expression *expression;
    struct err err;
    if (expression_new(pattern, &expression, &err) < 0)
        fail_msg("%s", err.text);
    bool found = expression_matches(expression, text);
    expression_free(expression);
    return found;
}

static void what_is_written_is_found(void **state)
{
    static const struct {
        const char *pattern, *yes, *no; /* NULL: there is no such text */
    } cases[] = {
        {"", "anything", NULL},
        {"make", "RUN make all", "RUN mak"},
        {"^RUN", "RUN make", " RUN make"},
        {"make$", "RUN make", "RUN make "},
        {"^$", "", "x"},
        {"^RUN (apt|yum)", "RUN yum install", "RUN dnf install"},
        {"a|b|cd", "xcdx", "xcx"},
        {"a*b", "b", "a"},
        {"a+b", "aab", "b"},
        {"^a?b$", "ab", "aab"},
        {"^(ab){2}$", "abab", "ab"},
        {"^(ab){2,3}$", "ababab", "abababab"},
        {"^(ab){2,}$", "abababab", "ab"},
        {"^(ab){,2}$", "ab", "ababab"},
        {"^(a|b){0}$", "", "a"},
        {"^x{0,}$", "xxx", "xyx"},
        {"^a{2}{3}$", "aaaaaa", "aaaaa"},
        {"^(a*)*$", "aaa", "ab"},
        {"^(a|b*)+c$", "abbac", "abdac"},
        {"^()$", "", "x"},
        {"^(|a)b$", "ab", "aab"},
        {"^.$", "\xc3\xa4", "ab"}, /* a letter of two bytes is one */
        {"^.$", "\xff", "\xff\xff"},
        {"^.$", "\n", "\n\n"},
        {"[0-9a-f]{64}", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"},
        {"^[^0-9]+$", "abc", "ab1"},
        {"^[]a]+$", "]a]", "]b]"},
        {"^[^]a]$", "b", "]"},
        {"^[a-]+$", "-a-", "-b-"},
        {"^[-a]+$", "-a-", "-b-"},
        {"^[a\\]+$", "\\a", "]"},
        {"^[[:digit:][:upper:]x]+$", "4Xx", "4xy"},
        {"^[[:alpha:](]$", "(", ")"},
        {"^[[.-.][=a=]]+$", "-a", "b"},
        {"^[\xc3\xa4-\xc3\xbc]$", "\xc3\xb6", "o"},
        {"\\.\\*\\(\\[\\\\", ".*([\\", "x*([\\"},
        {"a\\{9\\}", "a{9}", "aaaaaaaaa"},
        {"^\\w+\\W\\s\\S$", "a_1- x", "a_1-  "},
        {"\\bmake\\b", "a make,", "cmake"},
        {"\\Bake", "make", "ake"},
        {"\\<make\\>", "make", "makes"},
        {"\\`a", "ab", "ba"},
        {"a\\'", "ba", "ab"},
        {"}", "}", "{"},
        {"]", "]", "["},
        {"(^a|b)c", "ac", "xac"},
        {"a(c|$)", "xa", "ab"},
        {"^R.*m.*k$", "RUN make -k", "RUN make"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        if (cases[i].yes != NULL && !matches(cases[i].pattern, cases[i].yes))
            fail_msg("%s does not match \"%s\"", cases[i].pattern, cases[i].yes);
        if (cases[i].no != NULL && matches(cases[i].pattern, cases[i].no))
            fail_msg("%s matches \"%s\"", cases[i].pattern, cases[i].no);
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *pattern, *words;
    } cases[] = {
        {"(", "( without )"},
        {"a(b|(c)", "( without )"},
        {")", ") without ("},
        {"a)b", ") without ("},
        {"[", "[ without ]"},
        {"[]", "[ without ]"},
        {"[^]", "[ without ]"},
        {"[a", "[ without ]"},
        {"[a-", "[ without ]"},
        {"[[:alpha:]", "[ without ]"},
        {"[[:alpha]", "[: without :]"},
        {"[[:nosuch:]]", "is not known"},
        {"[[:a-very-long-name-of-a-class:]]", "is not known"},
        {"[[.ab.]]", "is not one character"},
        {"[[.", "is not one character"},
        {"[z-a]", "ends before it begins"},
        {"*", "nothing to repeat"},
        {"+a", "nothing to repeat"},
        {"a|*", "nothing to repeat"},
        {"(?:a)", "nothing to repeat"},
        {"{2}", "nothing to repeat"},
        {"a{", "{ is not followed"},
        {"a{2", "{ is not followed"},
        {"a{x}", "{ is not followed"},
        {"a{,}", "{ is not followed"},
        {"a{3,2}", "{ is not followed"},
        {"a{-1}", "{ is not followed"},
        {"a\\", "behind the last \\"},
        {"(a)\\1", "refers back"},
        {"(a{1,200}){1,200}", "repeats too much"},
        {"((a{1,200}b){1,200}){1,200}", "repeats too much"},
        {"a{30000}", "repeats too much"},
        {"a{99999999999999999999}", "repeats too much"},
        {"(a|(b{99}){99})", "repeats too much"},
        {"a{99}{99}", "repeats too much"},
        {"(((((((((((((((((((a?){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){"
         "2}",
         "repeats too much"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct expression *expression = NULL;
        struct err err = {0};
        int code = expression_new(cases[i].pattern, &expression, &err);
        expression_free(expression);
        if (code != ERR_USAGE || strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: %d \"%s\"", cases[i].pattern, code, err.text);
    }
}

static char *repeated(const char *piece, size_t times)
{
    struct buf text = {0};
    for (size_t i = 0; i < times; i++)
        buf_append_str(&text, piece);
    return buf_take(&text);
}

/* Each of these keeps some libc busy for minutes, or for ever. */
static void hostile_ones_are_answered_or_refused(void **state)
{
    static const struct {
        const char *before, *piece;
        size_t times;
        const char *after;
    } cases[] = {
        {"^R", "+", 1000, ""},
        {"^R", "*", 1000, ""},
        {"R", "?", 1000, "$"},
        {"^", "(", 64, "a"},
        {"", "(", 1000, ""},
        {"", "\\b", 500, ""},
        {"^", "(a*)*", 190, "$"},
        {"", "(a|b)*", 160, "c"},
        {"", "a|", 500, ""},
        {"", "|", 1000, ""},
        {"", "()", 500, ""},
        {"^", "a?", 480, "a{9}"},
        {"^(", "(a+)+", 100, ")+$"},
        {"", "[", 1000, ""},
        {"", "[[:alpha:]]", 90, ""},
        {".*a.{200}", "", 0, ""},
        {"(.*)*(.*)*(.*)*x", "", 0, ""},
        {"(a|a|a)*(a|a|a)*(a|a|a)*b", "", 0, ""},
    };
    struct buf texts[3] = {{0}, {0}, {0}};
    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        buf_append_str(&texts[0], "a");
        buf_append_str(&texts[1], i * i % 7 < 3 ? "a" : "b");
        buf_append_str(&texts[2], "\xe2\x82\xac");
    }
    for (size_t i = 0; i < LEN(cases); i++) {
        char *middle = repeated(cases[i].piece, cases[i].times);
        char *pattern =
            mem_printf("%s%s%s", cases[i].before, middle != NULL ? middle : "", cases[i].after);
        struct expression *expression = NULL;
        if (expression_new(pattern, &expression, NULL) == 0)
            for (size_t k = 0; k < LEN(texts); k++)
                expression_matches(expression, texts[k].data);
        expression_free(expression);
        free(pattern);
        free(middle);
    }
    for (size_t k = 0; k < LEN(texts); k++)
        buf_done(&texts[k]);
}

/* ---------------------------------------------------------- against libc's */

static uint32_t seed = 20261130;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}

static void write_alternatives(struct buf *out, int depth);

static void write_piece(struct buf *out, int depth)
{
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]"};
    static const char *const signs[] = {"*", "+", "?", "{2}", "{0,2}", "{1,}", "{,1}"};
    if (depth > 0 && dice(3) == 0) {
        buf_append_str(out, "(");
        write_alternatives(out, depth - 1);
        buf_append_str(out, ")");
    } else {
        buf_append_str(out, atoms[dice(LEN(atoms))]);
    }
    if (dice(2) == 0)
        buf_append_str(out, signs[dice(LEN(signs))]);
}

static void write_alternatives(struct buf *out, int depth)
{
    do {
        for (uint32_t pieces = 1 + dice(3); pieces > 0; pieces--)
            write_piece(out, depth);
        if (dice(4) != 0)
            return;
        buf_append_str(out, "|");
    } while (true);
}

static void write_text(struct buf *out)
{
    static const char *const letters[] = {"a", "b", "c", "a", "b", " "};
    for (uint32_t len = dice(9); len > 0; len--)
        buf_append_str(out, letters[dice(LEN(letters))]);
    buf_append_str(out, "");
}

static void random_ones_match_what_libc_says(void **state)
{
    size_t yes = 0, no = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct buf pattern = {0};
        struct expression *expression;
        struct err err;
        regex_t regex;
        /* Only at the ends: glibc's matches, too, what "($a)+" excludes. */
        buf_append_str(&pattern, dice(3) == 0 ? "^" : "");
        write_alternatives(&pattern, 3);
        buf_append_str(&pattern, dice(3) == 0 ? "$" : "");
        if (expression_new(pattern.data, &expression, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(regcomp(&regex, pattern.data, REG_EXTENDED | REG_NOSUB), 0);
        for (int k = 0; k < 10; k++) {
            struct buf text = {0};
            write_text(&text);
            const char *words = text.data != NULL ? text.data : "";
            bool ours = expression_matches(expression, words);
            if (ours != (regexec(&regex, words, 0, NULL, 0) == 0))
                fail_msg("%s, \"%s\": ours says %d", pattern.data, words, ours);
            yes += ours;
            no += !ours;
            buf_done(&text);
        }
        regfree(&regex);
        expression_free(expression);
        buf_done(&pattern);
    }
    assert_true(yes > 1000 && no > 1000);
}

/* Any bytes at all. */
static void random_bytes_are_answered_or_refused(void **state)
{
    static const char bytes[] = "^$()|*+?{}[].,0129abR\\b<>:=-\xc3\xa4\xff \n";
    size_t taken = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char pattern[40] = "";
        size_t len = 1 + dice(sizeof pattern - 2);
        struct expression *expression = NULL;
        for (size_t k = 0; k < len; k++)
            pattern[k] = bytes[dice(sizeof bytes - 1)];
        if (expression_new(pattern, &expression, NULL) == 0) {
            taken++;
            expression_matches(expression, "RUN make abR\xc3\xa4\xff b, 0129");
        }
        expression_free(expression);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_found),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(hostile_ones_are_answered_or_refused),
        cmocka_unit_test(random_ones_match_what_libc_says),
        cmocka_unit_test(random_bytes_are_answered_or_refused),
    };
    limit_program(120);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
