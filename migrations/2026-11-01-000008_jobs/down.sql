DROP TABLE job_transport;
DROP TABLE job_schedules;
DROP TABLE job_workers;
DROP TABLE job_attempts;
DROP TABLE jobs;
DROP TABLE job_queues;
