using System.Net;

namespace OrleansTempo.Harness.Clusters;

/// <summary>
/// A silo as Azure Container Apps runs it: it gets requests while its probe (<c>/ready</c>) says yes, and whenever it ends it is started again.
/// What its metrics counted is remembered, as a scraper would, over all its runs.
/// </summary>
internal sealed class Replica : IAsyncDisposable
{
    private static readonly TimeSpan s_probePeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_probeTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_scrapePeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_backOff = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _disposed = new();
    private readonly Lock _lock = new();
    private readonly SeriesValues _ended = [];
    private readonly bool _keepsDisk;
    private readonly Task _supervision;
    private SeriesValues _scraped = [];
    private volatile bool _isWanted = true;
    private volatile bool _isReady = true;

    private Replica(SiloProcess silo, bool keepsDisk)
    {
        Silo = silo;
        _keepsDisk = keepsDisk;
        _supervision = Task.Run(SuperviseAsync);
    }

    public SiloProcess Silo { get; }

    /// <summary>Whether it gets requests.</summary>
    public bool IsReady => _isReady && _isWanted;

    /// <summary>How often it was started again because it had ended by itself.</summary>
    public int Restarts { get; private set; }

    /// <summary>The tenants whose metrics it makes.</summary>
    public IReadOnlyCollection<string> Generators
    {
        get
        {
            lock (_lock)
                return [.. _scraped.Where(static series => series.Value > 0 && series.Key.StartsWith("tempo_metrics_generator_registry_active_series{", StringComparison.Ordinal)).Select(static series => series.Key)];
        }
    }

    /// <param name="settings">The silo's.</param>
    /// <param name="keepsDisk">Whether its disk survives when it ends, as a machine's does and a container's does not.</param>
    public static async Task<Replica> StartAsync(TempoSettings settings, bool keepsDisk) => new(await SiloProcess.StartAsync(settings), keepsDisk);

    /// <summary>The sum of all series of a counter whose labels contain a text, over all its runs, as last scraped.</summary>
    public double Counted(string metric, string label = "")
    {
        lock (_lock)
            return new[] { _ended, _scraped }.Sum(values => values.Where(series => series.Key.StartsWith(metric + "{", StringComparison.Ordinal) && series.Key.Contains(label, StringComparison.Ordinal)).Sum(static series => series.Value));
    }

    /// <summary>Stops it in order, to stay away; returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        _isWanted = false;
        var code = await Silo.TerminateAsync();
        EndRun();
        return code;
    }

    /// <summary>Starts it again after <see cref="StopAsync"/>, and waits until it is ready.</summary>
    /// <param name="settings">Its settings from now on; null for those it has.</param>
    public async Task StartAgainAsync(TempoSettings? settings = null)
    {
        if (settings is not null)
            Silo.TakeSettings(settings);
        ForgetDisk();
        await Silo.StartAgainAsync();
        (_isReady, _isWanted) = (true, true);
    }

    /// <summary>Looks at its metrics now.</summary>
    public async Task ScrapeAsync()
    {
        var scraped = (await Silo.OwnMetricsAsync()).Where(static key => key.StartsWith("tempo_", StringComparison.Ordinal));
        lock (_lock)
            _scraped = scraped;
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await _supervision;
        await Silo.DisposeAsync();
        _disposed.Dispose();
    }

    private async Task SuperviseAsync()
    {
        var nextScrape = DateTime.UtcNow;
        while (true)
        {
            try
            {
                await Task.Delay(s_probePeriod, _disposed.Token);
                if (!_isWanted)
                    continue;
                if (Silo.HasExited)
                {
                    _isReady = false;
                    EndRun();
                    await Task.Delay(s_backOff, _disposed.Token);
                    ForgetDisk();
                    Restarts++;
                    Silo.Launch();
                    continue;
                }

                _isReady = await Silo.ReadyAsync().WaitAsync(s_probeTimeout, _disposed.Token) == HttpStatusCode.OK;
                if (DateTime.UtcNow < nextScrape)
                    continue;
                nextScrape = DateTime.UtcNow + s_scrapePeriod;
                await ScrapeAsync().WaitAsync(s_scrapePeriod, _disposed.Token);
            }
            catch (OperationCanceledException) when (_disposed.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is TimeoutException or HttpRequestException or IOException or OperationCanceledException)
            {
                _isReady = false;
            }
        }
    }

    private void EndRun()
    {
        lock (_lock)
        {
            foreach (var (series, value) in _scraped)
                _ended[series] = _ended.GetValueOrDefault(series) + value;
            _scraped = [];
        }
    }

    private void ForgetDisk()
    {
        var data = Path.Combine(Silo.Folder, "data");
        if (!_keepsDisk && Directory.Exists(data))
            Directory.Delete(data, recursive: true);
    }
}
