libbilge_a_SOURCES += \
	core/build/log/buildlog.c core/build/log/buildlog.h \
	core/build/log/buildlog_private.h \
	core/build/log/logblock.c core/build/log/logblock.h \
	core/build/log/logfile.c core/build/log/logfile.h \
	core/build/log/logfilter.c core/build/log/logfilter.h \
	core/build/log/logglances.c \
	core/build/log/logline.c \
	core/build/log/logmatch.c core/build/log/logmatch.h \
	core/build/log/logpages.c \
	core/build/log/logsave.c core/build/log/logsave.h \
	core/build/log/logscan.c core/build/log/logscan.h \
	core/build/log/logspill.c
