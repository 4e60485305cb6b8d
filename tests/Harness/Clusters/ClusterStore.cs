namespace OrleansTempo.Harness.Clusters;

/// <summary>What a cluster's members, objects and grain state are kept in.</summary>
internal enum StoreKind
{
    /// <summary>Azurite: a table of members, a container of objects, a container of grain state.</summary>
    Azure,

    /// <summary>PostgreSQL for members and grain state, and a directory that all silos share.</summary>
    Postgres,
}

/// <summary>The one store of all silos of a cluster, as <see cref="StoreKind"/> says.</summary>
internal sealed class ClusterStore : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly AzuriteProcess? _azurite;
    private readonly PostgresServer? _postgres;

    private ClusterStore(AzuriteProcess? azurite, PostgresServer? postgres)
    {
        _azurite = azurite;
        _postgres = postgres;
    }

    /// <summary>What stands in <c>storage.trace</c>.</summary>
    public string Trace => _azurite is not null
        ? $"backend: azure, azure: {{ connection_string: '{_azurite.ConnectionString}', container_name: traces }}"
        : $"local: {{ path: '{_folder.Path}/blocks' }}";

    /// <summary>What a silo finds in its environment.</summary>
    public IReadOnlyDictionary<string, string> Environment
    {
        get
        {
            var (clustering, connection) = _azurite is not null ? ("AzureTableStorage", _azurite.ConnectionString) : ("AdoNet", _postgres!.ConnectionString);
            var environment = new Dictionary<string, string>
            {
                ["Orleans__ClusterId"] = "machines",
                ["Orleans__ServiceId"] = "machines",
                ["Orleans__Clustering__ProviderType"] = clustering,
                ["Orleans__Clustering__ConnectionString"] = connection,
                ["Orleans__GrainStorage__generators__ProviderType"] = _azurite is not null ? "AzureBlobStorage" : "AdoNet",
                ["Orleans__GrainStorage__generators__ConnectionString"] = connection,
            };
            if (_azurite is not null)
            {
                environment["Orleans__Clustering__TableName"] = "Silos";
                environment["Orleans__GrainStorage__generators__ContainerName"] = "grains";
            }
            else
            {
                environment["Orleans__Clustering__Invariant"] = environment["Orleans__GrainStorage__generators__Invariant"] = "Npgsql";
            }

            return environment;
        }
    }

    /// <summary>Why there can be none of this kind here; null where there can.</summary>
    public static string? MissingFor(StoreKind kind) => kind == StoreKind.Azure ? AzuriteProcess.Missing : PostgresServer.Missing;

    /// <param name="kind">Which.</param>
    /// <param name="host">The address at which its server listens.</param>
    public static async Task<ClusterStore> StartAsync(StoreKind kind, string host) => kind == StoreKind.Azure
        ? new ClusterStore(await AzuriteProcess.StartAsync(withTables: true, host), null)
        : new ClusterStore(null, await PostgresServer.StartAsync(host));

    public async ValueTask DisposeAsync()
    {
        if (_azurite is not null)
            await _azurite.DisposeAsync();
        if (_postgres is not null)
            await _postgres.DisposeAsync();
        _folder.Dispose();
    }
}
