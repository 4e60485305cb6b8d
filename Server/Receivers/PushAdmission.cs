using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// What OTLP/HTTP and OTLP/gRPC do alike with a request, so that a tenant, a phase of the server and a limit mean the same on both. A receiver reads its
/// own framing and words its own answer.
/// <code>
///   receiver                     admission
///   path, method, type
///        └─────────────────────► Check: tenant, phase           ─► Refusal
///   length, compression ◄────────┘
///        └─ SentBody ──────────► PushAsync
///                                  RequestBody: room, limit     ─► Refusal, BodyStatus
///                                  decompress, JSON to protobuf ─► BodyStatus, Refusal
///                                  push, until the deadline     ─► Refusal
///   answer ◄─ PushOutcome ───────┘
/// </code>
/// </summary>
/// <param name="maxRequestBytes">The most bytes that a request may have, compressed or not.</param>
/// <param name="multitenancy">Whether a request names its tenant.</param>
/// <param name="state">Whether the server takes pushes.</param>
/// <param name="push">Where spans go; it counts them.</param>
/// <param name="memory">Where there is room for requests.</param>
internal sealed class PushAdmission(int maxRequestBytes, bool multitenancy, ServerState state, ITracePush push, RequestMemory memory)
{
    public int MaxRequestBytes => maxRequestBytes;

    /// <summary>What can be refused before the body is looked at; null where nothing is.</summary>
    public Refusal? Check(HttpRequest request, out TenantId tenant)
    {
        if (!TenantHeader.TryRead(request, multitenancy, out tenant, out var missing, out var error))
            return missing ? Refusal.NoTenant(error) : Refusal.Invalid(error);
        return Refusal.For(state.Phase);
    }

    /// <summary>Reads a request's body and pushes what is in it.</summary>
    /// <param name="deadline">Ends the wait with an <see cref="OperationCanceledException"/>. The push may outlive it: it owns the bytes by then.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<PushOutcome> PushAsync(TenantId tenant, SentBody body, CancellationToken deadline)
    {
        try
        {
            var received = await RequestBody.ReceiveAsync(memory, body, maxRequestBytes, deadline);
            if (received.Status == BodyStatus.WrongJson)
                return Refusal.Invalid(received.Error);
            if (received.Bytes is null)
                return PushOutcome.Unreadable(received);

            var pushing = push.PushAsync(tenant, received.Bytes, deadline);
            var result = pushing.IsCompleted || !deadline.CanBeCanceled ? await pushing : await pushing.AsTask().WaitAsync(deadline);
            return Refusal.For(result) is { } refusal ? refusal : PushOutcome.Taken(result);
        }
        catch (RequestMemoryException full)
        {
            return Refusal.For(full);
        }
    }
}
