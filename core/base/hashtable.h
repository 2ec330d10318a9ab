/* uthash, with a hash function without fall-through: clang warns of the one
 * that it takes by itself. Include this instead of <uthash.h>. */
#ifndef BILGE_BASE_HASHTABLE_H
#define BILGE_BASE_HASHTABLE_H

#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)

#include <uthash.h>

#endif
