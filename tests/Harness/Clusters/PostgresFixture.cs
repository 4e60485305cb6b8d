namespace OrleansTempo.Harness.Clusters;

/// <summary>One PostgreSQL for the tests of a class, each of which takes a cluster ID of its own.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private PostgresServer? _server;

    internal PostgresServer Server => _server ?? throw new InvalidOperationException("there is no PostgreSQL here: mark the test with [PostgresFact]");

    public async Task InitializeAsync()
    {
        if (PostgresServer.Missing is null)
            _server = await PostgresServer.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
