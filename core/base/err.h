/* Errors are values: a function that can fail returns 0 or a negative code
 * and fills a struct err of the caller with one line, "action object: reason".
 * Nothing in core prints.
 *
 * Codes are negative errno values (as libuv's are on Unix), or one of the
 * ERR_ values below, which lie outside errno's range. */
#ifndef BILGE_BASE_ERR_H
#define BILGE_BASE_ERR_H

enum err_code {
    ERR_FORMAT = -20001,      /* the input is not what its format promises */
    ERR_LIMIT = -20002,       /* past a cap of ours, see the text */
    ERR_CHANGED = -20003,     /* no longer what it was when it was looked at */
    ERR_BUSY = -20004,        /* somebody else may be using it */
    ERR_FOREIGN = -20005,     /* not ours to touch */
    ERR_UNSUPPORTED = -20006, /* the tools at hand cannot do this */
    ERR_PEER = -20007,        /* the other side answered with an error */
    ERR_TIMEOUT = -20008,     /* a deadline of ours has passed */
    ERR_CANCELLED = -20009,   /* the caller asked to stop */
    ERR_USAGE = -20010,       /* the request makes no sense */
};

struct err {
    int code;       /* 0 when no error was set */
    char text[512]; /* one line of printable UTF-8, cut to fit */
};

/* Fills *err (which may be NULL) and returns code, so that a caller can write
 * "return err_set(err, ERR_FORMAT, ...)". The text is made safe to show
 * (text_clean(), newlines become spaces): parts of it often come from files
 * and peers. err->text may be among the arguments. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": reason" appended, the reason being err_reason(code). When
 * it is too long, the text before the reason is cut. */
int err_sys(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void err_clear(struct err *err);

/* A short lower-case reason for a code: "permission denied". Static text. */
const char *err_reason(int code);

#endif
