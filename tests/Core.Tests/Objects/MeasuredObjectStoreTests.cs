using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class MeasuredObjectStoreTests : ObjectStoreContract, IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("objects").FullName;
    private readonly TempoMetrics _metrics = new();
    private readonly MeasuredObjectStore _store;
    private readonly MeasuredObjectStore _other;

    public MeasuredObjectStoreTests()
    {
        _store = Open();
        _other = Open();
    }

    protected override IObjectStore Store => _store;

    protected override IObjectStore Other => _other;

    public void Dispose()
    {
        _store.Dispose();
        _other.Dispose();
        _metrics.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Requests_are_labelled_like_those_of_an_HTTP_store()
    {
        var requests = new List<string>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            Assert.True(seconds > 0);
            Assert.Equal(["operation", "status_code"], tags.ToArray().Select(static tag => tag.Key));
            requests.Add($"{tags[0].Value} {tags[1].Value}");
        });
        listener.EnableMeasurementEvents(_metrics.BackendRequestDuration);

        var etag = await Store.PutAsync("a", Bytes("one"));
        await Store.PutIfAbsentAsync("a", Bytes("two"));
        await Store.PutIfMatchAsync("a", Bytes("two"), "no such etag");
        await Store.GetAsync("a");
        await Store.GetAsync("b");
        await Store.ReadAsync("a", 0, new byte[1]);
        await Store.ReadAsync("b", 0, new byte[1]);
        await foreach (var _ in Store.ListAsync(""))
        {
        }

        await Store.ListFoldersAsync("");
        await Store.DeleteIfMatchAsync("a", "no such etag");
        await Store.DeleteIfMatchAsync("a", etag);
        await Store.DeleteAsync("a");
        await using (var writer = await Store.CreateAsync("c"))
        {
            await writer.WriteAsync(Bytes("three"));
            await writer.CompleteAsync();
        }

        File.WriteAllText(Path.Combine(_root, "file"), "");
        await Assert.ThrowsAnyAsync<Exception>(() => Store.PutAsync("file/below", Bytes("")));

        Assert.Equal(
            ["PUT 201", "PUT 409", "PUT 412", "GET 200", "GET 404", "GET 200", "GET 404", "GET 200", "GET 200", "DELETE 412", "DELETE 202", "DELETE 202", "PUT 201", "PUT 201", "PUT 500"],
            requests);
    }

    private MeasuredObjectStore Open() => new(new FileObjectStore(_root, TimeProvider.System, NullLogger.Instance), _metrics, TimeProvider.System);
}
