using System.Globalization;
using System.Runtime.CompilerServices;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Wraps a store and measures its requests: <c>tempodb_backend_request_duration_seconds</c>, labelled with the operation and status that an HTTP
/// store would have, whatever the store is. 500 is a failed request; cancelled requests are not counted.
/// </summary>
public sealed class MeasuredObjectStore(IObjectStore store, TempoMetrics metrics, TimeProvider time) : IObjectStore, IDisposable
{
    private const int Ok = 200, Created = 201, Accepted = 202, NotFound = 404, Conflict = 409, PreconditionFailed = 412, Failed = 500;

    public Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        MeasureAsync("PUT", () => store.PutAsync(name, content, cancellationToken), static _ => Created);

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        MeasureAsync("PUT", () => store.PutIfAbsentAsync(name, content, cancellationToken), static etag => etag is null ? Conflict : Created);

    public Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default) =>
        MeasureAsync("PUT", () => store.PutIfMatchAsync(name, content, etag, cancellationToken), static changed => changed is null ? PreconditionFailed : Created);

    public async Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default) =>
        new MeasuredWriter(await store.CreateAsync(name, cancellationToken).ConfigureAwait(false), this);

    public Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default) =>
        MeasureAsync("GET", () => store.GetAsync(name, cancellationToken), static found => found is null ? NotFound : Ok);

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default) =>
        new(MeasureAsync("GET", () => store.ReadAsync(name, offset, target, cancellationToken).AsTask(), static read => read < 0 ? NotFound : Ok));

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // Time that the caller spends on the objects is not the store's.
        var waited = TimeSpan.Zero;
        await using var objects = store.ListAsync(prefix, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            var started = time.GetTimestamp();
            bool any;
            try
            {
                any = await objects.MoveNextAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Record("GET", Failed, waited + time.GetElapsedTime(started));
                throw;
            }

            waited += time.GetElapsedTime(started);
            if (!any)
                break;
            yield return objects.Current;
        }

        Record("GET", Ok, waited);
    }

    public Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        MeasureAsync("GET", () => store.ListFoldersAsync(prefix, cancellationToken), static _ => Ok);

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default) =>
        MeasureAsync("DELETE", () => Completion(store.DeleteAsync(name, cancellationToken)), static _ => Accepted);

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default) =>
        MeasureAsync("DELETE", () => store.DeleteIfMatchAsync(name, etag, cancellationToken), static deleted => deleted ? Accepted : PreconditionFailed);

    public void Dispose() => (store as IDisposable)?.Dispose();

    private static async Task<bool> Completion(Task request)
    {
        await request.ConfigureAwait(false);
        return true;
    }

    private async Task<T> MeasureAsync<T>(string operation, Func<Task<T>> request, Func<T, int> statusOf)
    {
        var started = time.GetTimestamp();
        try
        {
            var result = await request().ConfigureAwait(false);
            Record(operation, statusOf(result), time.GetElapsedTime(started));
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Record(operation, Failed, time.GetElapsedTime(started));
            throw;
        }
    }

    private void Record(string operation, int status, TimeSpan duration) =>
        metrics.BackendRequestDuration.Record(duration.TotalSeconds, new("operation", operation), new("status_code", status.ToString(CultureInfo.InvariantCulture)));

    /// <summary>An object written in parts counts as one request per part, and one that makes it appear.</summary>
    private sealed class MeasuredWriter(IObjectWriter writer, MeasuredObjectStore store) : IObjectWriter
    {
        public async ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default) =>
            await store.MeasureAsync("PUT", () => Completion(writer.WriteAsync(part, cancellationToken).AsTask()), static _ => Created);

        public async Task CompleteAsync(CancellationToken cancellationToken = default) =>
            await store.MeasureAsync("PUT", () => Completion(writer.CompleteAsync(cancellationToken)), static _ => Created);

        public ValueTask DisposeAsync() => writer.DisposeAsync();
    }
}
