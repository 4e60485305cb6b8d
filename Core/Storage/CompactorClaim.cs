using System.Buffers;
using System.Text.Json;

namespace OrleansTempo.Core.Storage;

/// <summary>
/// The right to compact one tenant: an object <c>blocks/&lt;tenant>/compactor</c> that says who has it until when, changed only by
/// conditional puts. While it is held it is renewed; of a process that ended it runs out. Clocks that differ by minutes let two compact the
/// same tenant, which costs work and loses nothing.
/// </summary>
internal sealed class CompactorClaim : IAsyncDisposable
{
    /// <summary>How long a claim holds that is not renewed.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    /// <summary>How often it is renewed.</summary>
    public static readonly TimeSpan RenewEvery = Lease / 5;

    private readonly IObjectStore _store;
    private readonly TimeProvider _time;
    private readonly string _name;
    private readonly string _owner;
    private readonly CancellationTokenSource _held;
    private readonly CancellationTokenSource _released = new();
    private readonly Task _renewing;
    private string _etag;

    private CompactorClaim(IObjectStore store, TimeProvider time, string name, string owner, string etag, CancellationToken cancellationToken)
    {
        _store = store;
        _time = time;
        _name = name;
        _owner = owner;
        _etag = etag;
        _held = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _renewing = RenewAsync();
    }

    /// <summary>Cancelled when the claim could not be renewed and is not ours any more, or when all work is to stop.</summary>
    public CancellationToken Held => _held.Token;

    /// <summary>Claims a tenant; null where another owner has it.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<CompactorClaim?> TryTakeAsync(IObjectStore store, TimeProvider time, TenantId tenant, string owner, CancellationToken cancellationToken)
    {
        var name = BlockPaths.CompactorClaim(tenant);
        var now = time.GetUtcNow();
        var content = Write(owner, now + Lease);
        string? etag;
        if (await store.GetAsync(name, cancellationToken).ConfigureAwait(false) is not { } stored)
            etag = await store.PutIfAbsentAsync(name, content, cancellationToken).ConfigureAwait(false);
        else if (IsFree(stored.Content, now))
            etag = await store.PutIfMatchAsync(name, content, stored.ETag, cancellationToken).ConfigureAwait(false);
        else
            etag = null;
        return etag is null ? null : new CompactorClaim(store, time, name, owner, etag, cancellationToken);
    }

    /// <summary>Lets others have the tenant at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await _released.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        try
        {
            await _store.PutIfMatchAsync(_name, Write(_owner, _time.GetUtcNow()), _etag).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It runs out.
        }

        _held.Dispose();
        _released.Dispose();
    }

    private static ReadOnlyMemory<byte> Write(string owner, DateTimeOffset until)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("owner", owner);
            json.WriteString("until", until.UtcDateTime);
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    // One that cannot be read holds nobody off, and neither does one that a wrong clock has made last.
    private static bool IsFree(ReadOnlyMemory<byte> json, DateTimeOffset now)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return !document.RootElement.GetProperty("until").TryGetDateTimeOffset(out var until) || until <= now || until > now + (2 * Lease);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return true;
        }
    }

    private async Task RenewAsync()
    {
        var renewed = _time.GetTimestamp();
        try
        {
            while (true)
            {
                await Task.Delay(RenewEvery, _time, _released.Token).ConfigureAwait(false);
                try
                {
                    if (await _store.PutIfMatchAsync(_name, Write(_owner, _time.GetUtcNow() + Lease), _etag).ConfigureAwait(false) is not { } etag)
                        break;
                    _etag = etag;
                    renewed = _time.GetTimestamp();
                }
                catch (IOException)
                {
                    // Tried again, for as long as it holds.
                    if (_time.GetElapsedTime(renewed) + RenewEvery >= Lease)
                        break;
                }
            }

            await _held.CancelAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
        }
    }
}
