using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Payload;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures the write-ahead log with a request of 1000 spans; divide by 1000 for one span.</summary>
public class WalBenchmarks
{
    private readonly byte[] _request = PayloadTemplate.ReadFolder(PayloadBatch.UsualFolder, 1000)[0].Bytes;
    private TemporaryFolder _folder = null!;
    private FileWriteAheadLog _log = null!;

    [GlobalSetup]
    public void Setup()
    {
        _folder = new TemporaryFolder();
        _log = FileWriteAheadLog.Open(new WalOptions { Path = _folder.Path }, new TempoMetrics(), TimeProvider.System, NullLogger.Instance);
    }

    [GlobalCleanup]
    public async Task Cleanup()
    {
        await _log.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>One caller, and a commit for each append. The log is flushed to disk every 200 ms, as by default, and segments are released as written blocks would release them.</summary>
    [Benchmark]
    public ValueTask WalAppend()
    {
        _log.Release(_log.CurrentSegment - 1);
        return _log.AppendAsync(TenantId.Single, _request);
    }
}
