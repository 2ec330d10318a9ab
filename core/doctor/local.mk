libbilge_a_SOURCES += \
	core/doctor/doctor.c core/doctor/doctor.h core/doctor/report.h \
	core/doctor/places.c \
	core/doctor/tmpfiles.c core/doctor/tmpfiles.h
