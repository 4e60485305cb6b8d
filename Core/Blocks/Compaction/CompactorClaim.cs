using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Blocks.Compaction;

/// <summary>
/// The right to compact one tenant: an object <c>blocks/&lt;tenant>/compactor</c> that says who holds it and until when, changed only by conditional
/// puts. The holder renews it; if the holder dies, it expires. Clocks that differ by minutes let two processes compact the same tenant, which wastes
/// work but loses nothing.
/// </summary>
internal sealed class CompactorClaim : IAsyncDisposable
{
    /// <summary>How long a claim lasts without being renewed.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    /// <summary>How often the claim is renewed.</summary>
    public static readonly TimeSpan RenewEvery = Lease / 5;

    private readonly OwnedObject _object;
    private readonly TimeProvider _time;
    private readonly string _owner;
    private readonly CancellationTokenSource _held;
    private readonly CancellationTokenSource _released = new();
    private readonly Task _renewing;

    private CompactorClaim(OwnedObject owned, TimeProvider time, string owner, long began, CancellationToken cancellationToken)
    {
        _object = owned;
        _time = time;
        _owner = owner;
        _held = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _renewing = RenewAsync(began);
    }

    /// <summary>Cancelled when the claim could not be renewed and is lost, or when all work is to stop.</summary>
    public CancellationToken Held => _held.Token;

    /// <summary>Claims a tenant; null if another owner has it.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<CompactorClaim?> TryClaimAsync(IObjectStore store, TimeProvider time, TenantId tenant, string owner, CancellationToken cancellationToken)
    {
        var name = BlockPaths.CompactorClaim(tenant);
        var stored = await store.GetAsync(name, cancellationToken).ConfigureAwait(false);
        var now = time.GetUtcNow();
        if (stored is { } there && !IsFree(there.Content, now))
            return null;

        // Not just the owner's name: an earlier, expired claim of the same owner must not mistake this one for its own.
        var id = $"{owner}/{Guid.NewGuid():N}";
        var began = time.GetTimestamp();
        var owned = await OwnedObject.TryClaimAsync(store, name, stored, Until(id, now + Lease), IsOwn, cancellationToken).ConfigureAwait(false);
        return owned is null ? null : new CompactorClaim(owned, time, id, began, cancellationToken);

        bool IsOwn(ReadOnlyMemory<byte> json) => OwnerJson.Read<Record>(json.Span)?.Owner == id;
    }

    /// <summary>Releases the claim, so that others can have the tenant at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await _released.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        try
        {
            await _object.TryPutAsync(Until(_owner, _time.GetUtcNow())).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It expires.
        }

        _held.Dispose();
        _released.Dispose();
    }

    private static byte[] Until(string owner, DateTimeOffset until) => OwnerJson.Write(new Record(owner, until));

    // An unreadable claim holds nobody off, nor does one whose end a wrong clock has put too far ahead.
    private static bool IsFree(ReadOnlyMemory<byte> json, DateTimeOffset now) =>
        OwnerJson.Read<Record>(json.Span) is not { Until: var until } || until <= now || until > now + (2 * Lease);

    private async Task RenewAsync(long renewed)
    {
        try
        {
            while (true)
            {
                await Task.Delay(RenewEvery, _time, _released.Token).ConfigureAwait(false);
                try
                {
                    var began = _time.GetTimestamp();
                    if (!await _object.TryPutAsync(Until(_owner, _time.GetUtcNow() + Lease)).ConfigureAwait(false))
                        break;
                    renewed = began;
                }
                catch (IOException)
                {
                    // Retried for as long as the claim lasts.
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

    private sealed record Record(string Owner, DateTimeOffset Until);
}
