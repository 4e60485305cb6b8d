-- What a cluster of silos needs in PostgreSQL (12 or newer): Orleans' membership and grain storage by its ADO.NET providers.
--
--   psql "postgresql://user@host/database" -v ON_ERROR_STOP=1 -f orleans.sql
--
-- The providers know one table, OrleansQuery, and find in it the text of every statement they send, by a key. Names of keys,
-- parameters (@X) and result columns are theirs; the tables behind the statements are ours. Running the script again, also
-- by several at once, changes nothing but the texts, and a silo that runs keeps those it has read at its start.
--
-- Every statement is one SELECT or one data-modifying statement, so it is a transaction of its own without being told so.
-- They are written for READ COMMITTED, PostgreSQL's default; a stricter level fails more of them, and Orleans tries again.

BEGIN;

-- CREATE ... IF NOT EXISTS of two sessions at once can fail in one of them. The number is this script's and nobody else's.
SELECT pg_advisory_xact_lock(7241988143307);

CREATE TABLE IF NOT EXISTS OrleansQuery
(
    QueryKey text PRIMARY KEY,
    QueryText text NOT NULL
);

-- One row a cluster: the version of its membership, which every change of a member raises by one. It is the ETag of all of them.
CREATE TABLE IF NOT EXISTS orleans_cluster
(
    cluster_id text PRIMARY KEY,
    version integer NOT NULL
);

-- One row a silo that ever was; a silo started again on the same endpoint has another generation.
CREATE TABLE IF NOT EXISTS orleans_silo
(
    cluster_id text NOT NULL REFERENCES orleans_cluster ON DELETE CASCADE,
    address text NOT NULL,
    port integer NOT NULL,
    generation integer NOT NULL,
    silo_name text NOT NULL,
    host_name text NOT NULL,
    status integer NOT NULL,
    proxy_port integer NOT NULL,
    suspect_times text NULL,
    start_time timestamptz NOT NULL,
    i_am_alive_time timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, address, port, generation)
);

-- One row a grain's state. What was cleared keeps its row without a payload, so that its version goes on.
CREATE TABLE IF NOT EXISTS orleans_grain_state
(
    service_id text NOT NULL,
    state_name text NOT NULL,
    key_0 bigint NOT NULL,
    key_1 bigint NOT NULL,
    key_text text NULL,
    payload bytea NULL,
    version integer NOT NULL
);

-- Makes two inserts of one state meet. A primary key would not take the keys of grains that have no text in them.
CREATE UNIQUE INDEX IF NOT EXISTS orleans_grain_state_key
    ON orleans_grain_state (service_id, state_name, key_0, key_1, coalesce(key_text, ''));

INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES

-- True for the silo that made the cluster's row.
('InsertMembershipVersionKey', $$
WITH made AS
(
    INSERT INTO orleans_cluster (cluster_id, version)
    VALUES (@DeploymentId, 0)
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT EXISTS (SELECT FROM made)
$$),

-- Every member with the version, from one snapshot; of a cluster without members the version alone.
('MembershipReadAllKey', $$
SELECT
    c.version AS Version,
    s.address AS Address,
    s.port AS Port,
    s.generation AS Generation,
    s.silo_name AS SiloName,
    s.host_name AS HostName,
    s.status AS Status,
    s.proxy_port AS ProxyPort,
    s.suspect_times AS SuspectTimes,
    s.start_time AS StartTime,
    s.i_am_alive_time AS IAmAliveTime
FROM orleans_cluster c
LEFT JOIN orleans_silo s USING (cluster_id)
WHERE c.cluster_id = @DeploymentId
$$),

('MembershipReadRowKey', $$
SELECT
    c.version AS Version,
    s.address AS Address,
    s.port AS Port,
    s.generation AS Generation,
    s.silo_name AS SiloName,
    s.host_name AS HostName,
    s.status AS Status,
    s.proxy_port AS ProxyPort,
    s.suspect_times AS SuspectTimes,
    s.start_time AS StartTime,
    s.i_am_alive_time AS IAmAliveTime
FROM orleans_cluster c
LEFT JOIN orleans_silo s
    ON s.cluster_id = c.cluster_id AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
WHERE c.cluster_id = @DeploymentId
$$),

-- The version decides. Of two silos that change the membership at once, the second waits for the first one's row lock, finds
-- another version, and changes nothing; so a member that the snapshot does not show is not there where the version still matches.
('InsertMembershipKey', $$
WITH turn AS
(
    UPDATE orleans_cluster
    SET version = version + 1
    WHERE cluster_id = @DeploymentId
        AND version = @Version
        AND NOT EXISTS
        (
            SELECT FROM orleans_silo
            WHERE cluster_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
        )
    RETURNING cluster_id
),
joined AS
(
    INSERT INTO orleans_silo
        (cluster_id, address, port, generation, silo_name, host_name, status, proxy_port, start_time, i_am_alive_time)
    SELECT cluster_id, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime
    FROM turn
    RETURNING 1
)
SELECT EXISTS (SELECT FROM joined)
$$),

('UpdateMembershipKey', $$
WITH turn AS
(
    UPDATE orleans_cluster
    SET version = version + 1
    WHERE cluster_id = @DeploymentId
        AND version = @Version
        AND EXISTS
        (
            SELECT FROM orleans_silo
            WHERE cluster_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
        )
    RETURNING cluster_id
),
changed AS
(
    UPDATE orleans_silo s
    SET status = @Status, suspect_times = @SuspectTimes, i_am_alive_time = @IAmAliveTime
    FROM turn
    WHERE s.cluster_id = turn.cluster_id AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
    RETURNING 1
)
SELECT EXISTS (SELECT FROM changed)
$$),

-- A sign of life is no change of the membership: it has no part in the version.
('UpdateIAmAlivetimeKey', $$
UPDATE orleans_silo
SET i_am_alive_time = @IAmAliveTime
WHERE cluster_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
$$),

-- A silo without a gateway has port 0.
('GatewaysQueryKey', $$
SELECT address AS Address, proxy_port AS ProxyPort, generation AS Generation
FROM orleans_silo
WHERE cluster_id = @DeploymentId AND status = @Status AND proxy_port > 0
$$),

-- Forgets a dead silo (6 is Orleans' SiloStatus.Dead) that is still as the caller has read it.
('CleanupDefunctSiloEntryKey', $$
DELETE FROM orleans_silo
WHERE cluster_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
    AND status = 6
    AND start_time = @StartTime
    AND i_am_alive_time = @IAmAliveTime
    AND coalesce(suspect_times, '') = coalesce(@SuspectTimes, '')
$$),

-- The same for all of them, which older versions of the provider send; newer ones refuse to start without it.
('CleanupDefunctSiloEntriesKey', $$
DELETE FROM orleans_silo
WHERE cluster_id = @DeploymentId AND status = 6 AND start_time < @IAmAliveTime AND i_am_alive_time < @IAmAliveTime
$$),

('DeleteMembershipTableEntriesKey', $$
DELETE FROM orleans_cluster
WHERE cluster_id = @DeploymentId
$$),

-- The hashes that the provider sends along (@GrainIdHash, @GrainTypeHash) are not used: the index is on the names themselves.
('ReadFromStorageKey', $$
SELECT payload AS PayloadBinary, version AS Version
FROM orleans_grain_state
WHERE service_id = @ServiceId
    AND state_name = @GrainTypeString
    AND key_0 = @GrainIdN0
    AND key_1 = @GrainIdN1
    AND coalesce(key_text, '') = coalesce(@GrainIdExtensionString, '')
$$),

-- Who has read no version inserts, who has read one replaces that one. No row as an answer is a conflict.
('WriteToStorageKey', $$
WITH replaced AS
(
    UPDATE orleans_grain_state
    SET payload = @PayloadBinary, version = version + 1
    WHERE service_id = @ServiceId
        AND state_name = @GrainTypeString
        AND key_0 = @GrainIdN0
        AND key_1 = @GrainIdN1
        AND coalesce(key_text, '') = coalesce(@GrainIdExtensionString, '')
        AND version = @GrainStateVersion
    RETURNING version
),
inserted AS
(
    INSERT INTO orleans_grain_state (service_id, state_name, key_0, key_1, key_text, payload, version)
    SELECT @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString, @PayloadBinary, 1
    WHERE @GrainStateVersion IS NULL
    ON CONFLICT DO NOTHING
    RETURNING version
)
SELECT version AS NewGrainStateVersion FROM replaced
UNION ALL
SELECT version FROM inserted
$$),

('ClearStorageKey', $$
UPDATE orleans_grain_state
SET payload = NULL, version = version + 1
WHERE service_id = @ServiceId
    AND state_name = @GrainTypeString
    AND key_0 = @GrainIdN0
    AND key_1 = @GrainIdN1
    AND coalesce(key_text, '') = coalesce(@GrainIdExtensionString, '')
    AND version = @GrainStateVersion
RETURNING version AS NewGrainStateVersion
$$),

-- In the place of ClearStorageKey where the provider's option DeleteStateOnClear is set; it too wants another version back.
('DeleteStorageKey', $$
DELETE FROM orleans_grain_state
WHERE service_id = @ServiceId
    AND state_name = @GrainTypeString
    AND key_0 = @GrainIdN0
    AND key_1 = @GrainIdN1
    AND coalesce(key_text, '') = coalesce(@GrainIdExtensionString, '')
    AND version = @GrainStateVersion
RETURNING version + 1 AS NewGrainStateVersion
$$)

ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText;

COMMIT;
