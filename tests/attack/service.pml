/* Removal of a whole cache directory, beside exporters, a second bilge, and a
 * kill of each at any step.
 *
 * Inlines bear the names of the functions in core/ that they stand for. One
 * step is one system call there, or several that nobody else can tell apart.
 *
 *   export CURRENT  manifest M_CUR -> layer L_OLD  what index.json names
 *   export NEW      manifest M_NEW -> layer L_OLD  what the exporters write
 *
 * An exporter works with paths: once the directory has another name, it finds
 * nothing, or what has come to stand at that name. Its client may be an old or
 * a new one: a new one makes ingest/, and all above it, at its first write.
 *
 * -DWITHOUT_... takes a step out. Then this must fail: see model.sh. */

#define L_OLD 1
#define M_CUR 2
#define M_NEW 4
#define lowest(set) ((set) & -(set))

#define NOTHING 0 /* what index.json names; there may be none */
#define CURRENT 1
#define NEW     2
#define TORN    3 /* half written */
#define export(e) (e == CURRENT -> L_OLD | M_CUR : (e == NEW -> L_OLD | M_NEW : 0))

/* ---- the disk: directories, and the names that they have */

#define DIRS 3
#define NONE 3
byte blobs[DIRS];
byte index[DIRS];
bool ingest[DIRS];  /* it has an ingest/ */
byte holder[DIRS];  /* of the flock; 0: nobody */
bool decided[DIRS]; /* its note says so: the second look is over, it is being deleted */
byte dirs = 1;      /* made so far */
byte name = 0;      /* <root>/<name> */
byte gone[2] = NONE; /* <root>/.bilge-gone.<name>.<random> of each bilge */

/* ---- who runs */

#ifndef EXPORTERS
#define EXPORTERS 1
#endif
#ifndef BILGES
#define BILGES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif

byte clients; /* among the processes */
bool dead[2];
bool exporter_dead[2];
byte ended;
bool quiet; /* nobody builds anything */
byte gap;   /* bilges between their first look and their second */

/* ---- BuildKit */

/* mkdir -p. No more than DIRS: then this exporter goes no further. */
inline make_directory()
{
	if
	:: name == NONE && dirs < DIRS -> name = dirs; dirs++
	:: name == NONE && dirs == DIRS -> failed = true
	:: else
	fi
}

/* The content store is opened. */
inline open_store()
{
	d_step {
		clients++;
		began_in_gap = gap > 0;
		make_directory();
		if
		:: old && !failed -> ingest[name] = true
		:: else
		fi
	}
}

inline export_blob(blob)
{
	/* Writer(): one stat */
	if
	:: name != NONE && (blobs[name] & blob) -> skip
	:: else ->
		d_step {
			if
			:: !old && !ensured ->
				ensured = true;
				make_directory();
				if
				:: !failed -> ingest[name] = true
				:: else
				fi
			:: else
			fi;
			if
			:: failed || name == NONE -> failed = true
			:: else ->
				at = name; /* the file is open in this directory */
				failed = !ingest[name]
			fi
		};
		if
		:: failed
		:: else ->
			/* Commit(): mkdir -p blobs/sha256, stat, rename, all by path */
			d_step {
				make_directory();
				if
				:: failed || name != at -> failed = true
				:: else -> blobs[name] = blobs[name] | blob
				fi;
				at = NONE
			}
		fi
	fi
}

inline put_index()
{
#ifndef WITHOUT_TIMING
	/* Whoever starts after bilge's first look has not built and exported before
	 * the second, which follows at once. */
	(!began_in_gap || gap == 0);
#endif
	d_step {
		at = name;
		failed = (at == NONE)
	};
	if
	:: failed
	:: else ->
		index[at] = TORN;
		d_step {
			index[at] = NEW;
			at = NONE
		}
	fi
}

inline end_exporter()
{
	d_step {
		if
		:: runs -> clients--
		:: else
		fi;
		at = NONE; failed = false; ensured = false; old = false; runs = false; began_in_gap = false;
		ended++
	}
}

proctype exporter(byte me)
{
	byte at = NONE;
	bool failed, ensured, old, runs, began_in_gap;
	{
		if
		:: old = true
		:: old = false
		fi;
		d_step { open_store(); runs = true };
		if
		:: failed
		:: else -> export_blob(L_OLD)
		fi;
		if
		:: failed
		:: else -> export_blob(M_NEW)
		fi;
		if
		:: failed
		:: else -> put_index()
		fi;
		skip
	} unless {
		exporter_dead[me]
	};
	end_exporter()
}

/* ---- bilge */

/* Whoever builds something else makes every cache busy. */
inline remove_check_busy()
{
	if
	:: sign = clients > 0
	:: !quiet -> sign = true
	fi
}

inline unlock(dir)
{
	if
	:: dir != NONE && holder[dir] == me + 1 -> holder[dir] = 0
	:: else
	fi
}

/* Opens, locks; then the name must still lead to the one that was shown. */
inline aside_open()
{
	opened = name;
	if
	:: opened == NONE || opened != shown_dir -> opened = NONE
	:: else ->
#ifndef WITHOUT_LOCK
		d_step {
			if
			:: holder[opened] == 0 -> holder[opened] = me + 1
			:: else -> opened = NONE
			fi
		}
#else
		skip
#endif
	fi
}

/* index.json's bytes and time are what they were when it was shown. */
inline check_unchanged()
{
#ifdef WITHOUT_COMPARE
	sign = false
#else
	sign = (index[opened] != shown_index)
#endif
}

inline alone(dir)
{
#ifdef WITHOUT_LOCK
	skip
#else
	assert(holder[dir] == me + 1) /* two bilges never both delete */
#endif
}

/* In the note, by a rename: that needs no space on a full disk. */
inline decide(slot)
{
	d_step {
		decided[gone[slot]] = true;
		alone(gone[slot])
	}
}

inline unlink_tree(slot)
{
	do
	:: blobs[gone[slot]] ->
		d_step {
			alone(gone[slot]);
			blobs[gone[slot]] = blobs[gone[slot]] & ~lowest(blobs[gone[slot]])
		}
	:: else -> break
	od; skip;
	d_step {
		index[gone[slot]] = NOTHING;
		ingest[gone[slot]] = false;
		decided[gone[slot]] = false;
		unlock(gone[slot]);
		gone[slot] = NONE
	}
}

/* Locks what stands at a name, if nobody else has; else another time. */
inline lock_there(dir, path)
{
	d_step {
		if
		:: dir == NONE
		:: dir != NONE && holder[dir] == me + 1
		:: dir != NONE && holder[dir] == 0 -> holder[dir] = me + 1
		:: else -> dir = NONE
		fi
	};
	if
	:: dir != NONE && path != dir -> d_step { unlock(dir); dir = NONE }
	:: else
	fi
}

/* Back to its name. When something stands there, the blobs go into that: who
 * made it may have found them here. */
inline give_back(slot)
{
	d_step {
		if
		:: name == NONE && gone[slot] != NONE ->
			unlock(gone[slot]);
			name = gone[slot];
			gone[slot] = NONE;
			taker = NONE
		:: else -> taker = name
		fi
	};
	if
	:: taker == NONE
	:: else ->
#ifdef WITHOUT_GIVING_BACK
		moved = gone[slot];
		lock_there(moved, gone[slot]);
		if
		:: moved != NONE -> decide(slot); unlink_tree(slot)
		:: else
		fi;
#else
		lock_there(taker, name);
		moved = gone[slot];
		lock_there(moved, gone[slot]);
		if
		:: taker == NONE || moved == NONE
		:: else ->
			index[moved] = NOTHING; /* first: it must not come back without its blobs */
			do
			:: blobs[moved] ->
				d_step {
					alone(moved);
					blobs[taker] = blobs[taker] | lowest(blobs[moved]);
					blobs[moved] = blobs[moved] & ~lowest(blobs[moved])
				}
			:: else -> break
			od;
			decide(slot);
			unlink_tree(slot)
		fi;
#endif
		d_step { unlock(taker); unlock(moved); taker = NONE; moved = NONE }
	fi
}

/* What a killed bilge has left: its lock is gone. */
inline recover_gone(slot)
{
#ifdef WITHOUT_RECOVERY
	skip
#else
	opened = gone[slot];
	if
	:: opened == NONE
	:: else ->
		d_step {
			if
			:: holder[opened] == 0 -> holder[opened] = me + 1
			:: else -> opened = NONE
			fi
		};
		if
		:: opened == NONE
		:: else ->
			if
			:: gone[slot] != opened
			:: else ->
#ifndef WITHOUT_DECISION
				if
				:: !decided[opened] -> give_back(slot)
				:: else -> unlink_tree(slot)
				fi
#else
				unlink_tree(slot)
#endif
			fi;
			d_step { unlock(opened); opened = NONE; sign = false }
		fi
	fi
#endif
}

inline rename_aside()
{
	d_step {
		if
		:: name == NONE -> sign = true
		:: else -> gone[me] = name; name = NONE
		fi
	}
}

inline look_again()
{
#ifdef WITHOUT_SECOND_LOOK
	sign = (gone[me] != opened)
#else
#ifdef WITHOUT_SIGNS
	sign = false;
#else
	remove_check_busy();
#endif
	if
	:: sign
	:: else ->
		d_step {
#ifndef WITHOUT_LOOK_AT_THE_NAME
			sign = (name != NONE || gone[me] != opened) /* somebody is back already; it was replaced just now */
#else
			sign = (gone[me] != opened)
#endif
		};
		if
		:: sign
		:: else -> check_unchanged()
		fi
	fi
#endif
}

inline unlink_in_place()
{
	do
	:: name == opened && blobs[opened] -> d_step { blobs[opened] = blobs[opened] & ~lowest(blobs[opened]) }
	:: else -> break
	od; skip;
	d_step {
		if
		:: name == opened -> index[opened] = NOTHING; unlock(opened); name = NONE
		:: else
		fi
	}
}

inline leave_gap()
{
	d_step {
		if
		:: in_gap -> gap--; in_gap = false
		:: else
		fi
	}
}

inline remove_service()
{
	aside_open();
	if
	:: opened == NONE
	:: else ->
		d_step {
			sign = clients > 0;
			if
			:: !sign -> gap++; in_gap = true
			:: else
			fi
		};
		if
		:: sign
		:: else -> check_unchanged()
		fi;
		if
		:: sign
		:: else ->
#ifdef WITHOUT_RENAME_FIRST
			unlink_in_place()
#else
			rename_aside();
			if
			:: sign
			:: else ->
				look_again();
				leave_gap();
				if
				:: sign -> give_back(me)
				:: else ->
					assert(index[gone[me]] == shown_index); /* else an export goes that nobody was shown */
					decide(me);
					unlink_tree(me)
				fi
			fi
#endif
		fi;
		leave_gap();
		d_step { unlock(opened); opened = NONE; sign = false }
	fi
}

inline remove_recover()
{
	recover_gone(0);
	recover_gone(1)
}

proctype bilge(byte me)
{
	byte shown_dir = NONE, shown_index, opened = NONE, taker = NONE, moved = NONE;
	bool sign, in_gap;
	{
		remove_recover();
		if
		:: name != NONE ->
			d_step {
				shown_dir = name;
				if
				:: name != NONE -> shown_index = index[name]
				:: else
				fi
			};
			if
			:: shown_dir != NONE -> remove_service()
			:: else
			fi
		:: name == NONE
		fi;
		skip
	} unless {
		dead[me]
	};
	/* What the kernel does for it: locks go with their process. */
	d_step {
		unlock(0);
		unlock(1);
		unlock(2);
		if
		:: in_gap -> gap--; in_gap = false
		:: else
		fi;
		shown_dir = NONE; shown_index = NOTHING; opened = NONE; taker = NONE; moved = NONE; sign = false;
		ended++
	}
}

/* A kill, and the power switch. */
proctype fate()
{
	byte kills = KILLS;
	end: do
	:: kills > 0 && !dead[0] && ended < BILGES + EXPORTERS -> d_step { dead[0] = true; kills-- }
	:: kills > 0 && !dead[1] && ended < BILGES + EXPORTERS -> d_step { dead[1] = true; kills-- }
	:: kills > 0 && !exporter_dead[0] && ended < BILGES + EXPORTERS -> d_step { exporter_dead[0] = true; kills-- }
	od
}

init
{
	byte me = 7, opened = NONE, taker = NONE, moved = NONE;
	bool sign;
	d_step {
		blobs[0] = L_OLD | M_CUR;
		ingest[0] = true;
		gone[0] = NONE;
		gone[1] = NONE
	};
	if
	:: index[0] = CURRENT
	:: index[0] = NOTHING /* an export that never came to its end */
	fi;
	atomic {
		run exporter(0);
#if EXPORTERS > 1
		run exporter(1);
#endif
		run bilge(0);
#if BILGES > 1
		run bilge(1);
#endif
		run fate()
	};
	ended == BILGES + EXPORTERS;
	/* The next command that may delete, when nobody builds. */
	quiet = true;
	remove_recover();
	assert(gone[0] == NONE && gone[1] == NONE); /* nothing is set aside for ever */
	assert(name == NONE || index[name] != TORN || exporter_dead[0]);
	/* no index without its manifest, none that needs what is gone for good */
	assert(name == NONE || (export(index[name]) & ~blobs[name]) == 0)
}
