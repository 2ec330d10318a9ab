/* The signals that end a headless command: none is lost, none counts twice. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/session.h"

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void open_empty(struct session *session)
{
    const struct bilge_options options = {
        .skip_caches = true, .skip_engine = true, .skip_project = true};
    struct err err;
    assert_int_equal(session_open(session, &options, &err), 0);
}

/* Who works without waiting asks for it, and a wait does not say it again. */
static void test_asked_for(void **state)
{
    struct session session;
    (void)state;
    open_empty(&session);
    assert_false(session_interrupted(&session));
    raise(SIGINT);
    assert_true(session_interrupted(&session));
    assert_false(session_interrupted(&session));
    assert_int_equal(session_wait(&session, never, NULL, 10), SESSION_TIMEOUT);
    raise(SIGTERM);
    assert_int_equal(session_wait(&session, never, NULL, 10000), SESSION_INTERRUPTED);
    assert_false(session_interrupted(&session));
    session_close(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_for),
    };
    return cmocka_run_group_tests_name("cli_session", tests, NULL, NULL);
}
