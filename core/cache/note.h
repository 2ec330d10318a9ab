/* How a whole removal is known again when it was interrupted. Before a cache
 * directory is renamed aside, a note is written into it; its new name has its
 * inode number, so that a copy of it is not taken for it. Until the second look
 * has shown that nobody wants it, it is away, and comes back when bilge is killed;
 * after that it is gone, and goes:
 *
 *   <root>/.bilge-away.<name>.<inode>-<random>/.bilge-removing
 *   <root>/.bilge-gone.<name>.<inode>-<random>/.bilge-removing
 *
 *   bilge-removing 1
 *   inode <inode>
 *   name <name>
 *
 * The device is not compared: its number may be another one after a restart.
 * A removal of ours is what fits all of this:
 *   - the name has the inode number of the directory;
 *   - the directory is ours; as root, anybody's;
 *   - the note says the same, and belongs to us, to root, or, as root, to the
 *     owner of the directory: others can't have put it there;
 *   - or there is no note, for the disk was full or the power went, and nobody
 *     but the owner of the directory and root can have given it that name: the
 *     root is theirs, and is not writable for others, or sticky;
 *   - or the directory is empty: then there is nothing to lose.
 * The note goes last, right before the directory itself. */
#ifndef BILGE_CACHE_NOTE_H
#define BILGE_CACHE_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

#define NOTE_NAME_SIZE 256

bool note_is_away(const char *name);
bool note_is_gone(const char *name);

/* A new name for the cache directory `name`, to be renamed to. */
int note_away_name(const char *name, uint64_t ino, char ret_name[NOTE_NAME_SIZE], struct err *err);
/* Renames it once more: it goes. */
int note_decide(int root_fd, const char *away, char ret_gone[NOTE_NAME_SIZE], struct err *err);
/* The name that the directory `away`, open as fd, had; NULL: it is too long, and there
 * is no note. The caller frees it. */
char *note_first_name(const char *away, int fd);

/* Writes the note. 0 also on a full disk, where there is none then. */
int note_write(int cache_fd, const char *name, uint64_t ino, struct err *err);
/* Takes it away again. */
void note_remove(int cache_fd);

enum note_sign {
    NOTE_FOREIGN,
    NOTE_OURS,
    NOTE_EMPTY, /* ours as far as directories go: no file may */
};
/* What the directory of that name in the root, open as fd, is. A negative code when
 * that can't be told. */
int note_check(int root_fd, const char *name, int fd, struct err *err);

#endif
