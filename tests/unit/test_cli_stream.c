#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/stream.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static void test_clean_line(void **state)
{
    static const struct {
        const char *line, *colored, *plain;
    } cases[] = {
        {"", "", ""},
        {"plain", "plain", "plain"},
        {"a\tb\t\tc\t", "a\tb\t\tc\t", "a\tb\t\tc\t"},
        {"\t\x1b[31m\tred", "\t\x1b[31m\tred\x1b[0m", "\t\tred"},
        {"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m\x1b[0m", "red"},
        {"\x1b[1;38;5;196mx", "\x1b[1;38;5;196mx\x1b[0m", "x"},
        {"\x1b[38:2::1:2:3mx", "\x1b[38:2::1:2:3mx\x1b[0m", "x"},
        {"\x1b[mx", "\x1b[mx\x1b[0m", "x"},
        {"a\x1b[2Jb\x1b[10;20Hc", "abc", "abc"},
        {"a\x1b[?25lb", "ab", "ab"},
        {"a\x1b[?1mb", "ab", "ab"},   /* looks like a colour, and is none */
        {"a\x1b[>4;1mb", "ab", "ab"}, /* xterm's modifyOtherKeys */
        {"a\x1b[0 mb", "ab", "ab"},
        {"a\x1b]0;title\x07z", "az", "az"},
        {"a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\z", "alinkz", "alinkz"},
        {"a\x1bPq#0;2;0\x1b\\z", "az", "az"},
        {"a\x1b_Gsecret\x1b\\z", "az", "az"},
        {"a\x1b"
         "cz",
         "az", "az"},
        {"a\x1b", "a\\x1b", "a\\x1b"}, /* not whole: shown */
        {"a\x1b[", "a\\x1b[", "a\\x1b["},
        {"a\x1b[3", "a\\x1b[3", "a\\x1b[3"},
        {"a\x1b(B\x1b[mb", "a\x1b[mb\x1b[0m", "ab"}, /* what tput sgr0 prints */
        {"a\x1b]unfinished", "a", "a"},
        {"a\x1b]x\x1b", "a", "a"},
        {"\x07\x08\x7f", "\\x07\\x08\\x7f", "\\x07\\x08\\x7f"},
        {"\x9b"
         "31m",
         "\\x9b31m", "\\x9b31m"},
        {"\xc2\x9b"
         "31m",
         "\\u{009b}31m", "\\u{009b}31m"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct buf buf = {0};
        stream_clean_line(&buf, cases[i].line, strlen(cases[i].line), true);
        assert_string_equal(buf.data, cases[i].colored);
        buf_clear(&buf);
        stream_clean_line(&buf, cases[i].line, strlen(cases[i].line), false);
        assert_string_equal(buf.data, cases[i].plain);
        buf_done(&buf);
    }
}

static void read_all(int fd, char *out, size_t size)
{
    ssize_t len = read(fd, out, size - 1);
    assert_true(len >= 0);
    out[len] = '\0';
}

static void test_lines(void **state)
{
    static const char text[] = "one\r\n 10 %\r 50 %\r100 %\n\n\x1b[2Jlast";
    (void)state;
    for (size_t chunk = 1; chunk < sizeof text; chunk++) {
        int ends[2];
        char out[256];
        struct stream stream;
        assert_int_equal(pipe(ends), 0);
        stream_init(&stream, ends[1], true);
        for (size_t i = 0; i < sizeof text - 1; i += chunk)
            stream_write(&stream, text + i,
                         chunk < sizeof text - 1 - i ? chunk : sizeof text - 1 - i);
        stream_end(&stream);
        read_all(ends[0], out, sizeof out);
        assert_string_equal(out, "one\n 10 %\n 50 %\n100 %\n\nlast\n");
        assert_int_equal(stream.code, 0);
        stream_done(&stream);
        close(ends[0]);
        close(ends[1]);
    }
}

/* Whatever a step prints, nothing that moves a cursor or sets a title gets out,
 * however the bytes come in. */
static void test_a_pipe_gets_no_control_bytes(void **state)
{
    static const char text[] = "a\x1b]0;title\x07\x1b[2J\x1b[10;1Hb\0\x9b"
                               "2J\xc2\x9b"
                               "2J\x08\x7f\x0e"
                               "\xe2\x80\xae\xff\r\n\x1bP+q\x1b\\\x1b[?1049hend\x1b";
    (void)state;
    for (size_t chunk = 1; chunk < sizeof text; chunk++) {
        int ends[2];
        char out[256];
        struct stream stream;
        assert_int_equal(pipe(ends), 0);
        stream_init(&stream, ends[1], true);
        for (size_t i = 0; i < sizeof text - 1; i += chunk)
            stream_write(&stream, text + i,
                         chunk < sizeof text - 1 - i ? chunk : sizeof text - 1 - i);
        stream_end(&stream);
        read_all(ends[0], out, sizeof out);
        assert_string_equal(out, "ab\\x00\\x9b2J\\u{009b}2J\\x08\\x7f\\x0e\\u{202e}\\xff\n"
                                 "end\\x1b\n");
        stream_done(&stream);
        close(ends[0]);
        close(ends[1]);
    }
}

static void test_a_long_line_is_whole(void **state)
{
    size_t len = 200 * 1024, got = 0;
    char *text = malloc(len + 1), *out = malloc(len + 2);
    int ends[2];
    struct stream stream;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    memset(text, 'x', len);
    text[len] = '\n';
    pid_t reader = fork();
    if (reader == 0) {
        ssize_t part;
        close(ends[1]);
        while ((part = read(ends[0], out + got, len + 2 - got)) > 0)
            got += (size_t)part;
        _exit(got == len + 1 && memcmp(out, text, got) == 0 ? 0 : 1);
    }
    close(ends[0]);
    stream_init(&stream, ends[1], true);
    stream_write(&stream, text, len / 2);
    stream_write(&stream, text + len / 2, len + 1 - len / 2);
    stream_end(&stream);
    close(ends[1]);
    int status = 0;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    stream_done(&stream);
    free(text);
    free(out);
}

static void test_nothing_stays_behind(void **state)
{
    int ends[2];
    char out[16];
    struct stream stream;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    stream_init(&stream, ends[1], true);
    stream_write(&stream, "one\ntw", 6);
    read_all(ends[0], out, sizeof out); /* before the rest has come */
    assert_string_equal(out, "one\n");
    stream_end(&stream);
    read_all(ends[0], out, sizeof out);
    assert_string_equal(out, "tw\n");
    stream_done(&stream);
    close(ends[0]);
    close(ends[1]);
}

static void test_write_failures(void **state)
{
    int ends[2];
    struct stream stream;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    stream_init(&stream, ends[1], true);
    stream_write(&stream, "x\n", 2);
    assert_int_equal(stream.code, -EPIPE);
    stream_write(&stream, "x\n", 2);
    assert_int_equal(stream.code, -EPIPE);
    stream_done(&stream);
    close(ends[1]);
    int full = open("/dev/full", O_WRONLY);
    if (full < 0)
        skip();
    stream_init(&stream, full, true);
    stream_write(&stream, "x\n", 2);
    assert_int_equal(stream.code, -ENOSPC);
    stream_done(&stream);
    close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_line),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_pipe_gets_no_control_bytes),
        cmocka_unit_test(test_a_long_line_is_whole),
        cmocka_unit_test(test_nothing_stays_behind),
        cmocka_unit_test(test_write_failures),
    };
    limit_program(30);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
