#include "core/engine/engine_error.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"

enum place { ANYWHERE, ON_SOCKET, BEHIND_CHILD };

/* @: the socket or the host; #: what was asked for; ~: the error's own words. */
static const struct {
    int code;
    enum place place;
    const char *words;
} troubles[] = {
    {-ENOENT, ON_SOCKET, "no engine answers on @: is dockerd running?"},
    {-ECONNREFUSED, ON_SOCKET, "no engine answers on @: is dockerd running?"},
    {-EACCES, ON_SOCKET,
     "no permission for @: sudo usermod -aG docker $USER, then log in anew; or use sudo"},
    {-EPERM, ON_SOCKET,
     "no permission for @: sudo usermod -aG docker $USER, then log in anew; or use sudo"},
    {-ENOTSOCK, ON_SOCKET, "@ is no socket: no engine listens there"},
    {-ENAMETOOLONG, ON_SOCKET, "@ is too long a path for a socket"},
    {-ENOENT, BEHIND_CHILD, "docker was not found in PATH: @ is reached through it"},
    {-ECONNRESET, ANYWHERE, "the engine on @ broke off when asked for #: it ~"},
    {ERR_TIMEOUT, ANYWHERE, "the engine on @ does not answer when asked for #: is it hung?"},
    {ERR_PEER, ON_SOCKET, "asked for #, ~"},
    {ERR_PEER, BEHIND_CHILD, "@: ~"},
    {ERR_LIMIT, ANYWHERE, "the engine on @, asked for #, gives too much: ~"},
    {ERR_FORMAT, ANYWHERE, "what answers on @ does not speak as an engine does: ~"},
    {ERR_UNSUPPORTED, ANYWHERE, "what answers on @ does not speak as an engine does: ~"},
};

static const char *find_words(int code, bool on_socket)
{
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
        if (troubles[i].code == code &&
            (troubles[i].place == ANYWHERE || (troubles[i].place == ON_SOCKET) == on_socket))
            return troubles[i].words;
    return "the engine on @, asked for #: ~";
}

void engine_error_explain(const struct endpoint *endpoint, const char *doing, const struct err *err,
                          struct err *ret_err)
{
    bool on_socket = endpoint->socket_path != NULL;
    struct buf text = {0};
    for (const char *at = find_words(err->code, on_socket); *at != '\0'; at++) {
        if (*at == '@')
            buf_append_str(&text, on_socket ? endpoint->socket_path : endpoint->host);
        else if (*at == '#')
            buf_append_str(&text, doing);
        else if (*at == '~')
            buf_append_str(&text, err->text);
        else
            buf_append(&text, at, 1);
    }
    err_set(ret_err, err->code, "%s", text.data);
    buf_done(&text);
}
