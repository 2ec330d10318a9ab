libbilge_a_SOURCES += \
	core/base/chart.c core/base/chart.h \
	core/base/clock.c core/base/clock.h \
	core/base/err.c core/base/err.h \
	core/base/escape.c core/base/escape.h \
	core/base/fs.c core/base/fs.h core/base/fs_space.c \
	core/base/hash.h \
	core/base/json.c core/base/json.h \
	core/base/lane.c core/base/lane.h \
	core/base/level.c core/base/level.h \
	core/base/lines.c core/base/lines.h \
	core/base/log.c core/base/log.h \
	core/base/mem.c core/base/mem.h \
	core/base/path.c core/base/path.h \
	core/base/process.c core/base/process.h core/base/process_capture.c \
	core/base/text.c core/base/text.h \
	core/base/words.c core/base/words.h
