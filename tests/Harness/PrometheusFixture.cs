namespace OrleansTempo.Harness;

/// <summary>One Prometheus for the tests of a class, which tell their series apart by an external label.</summary>
public sealed class PrometheusFixture : IAsyncLifetime
{
    private PrometheusProcess? _process;

    internal PrometheusProcess Process => _process ?? throw new InvalidOperationException("there is no Prometheus here: mark the test with [PrometheusFact]");

    public async Task InitializeAsync()
    {
        if (new PrometheusFactAttribute().Skip is null)
            _process = await PrometheusProcess.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }
}
