using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Server.Receivers;

/// <summary>What became of a request: its spans were taken, or they were refused, or its body could not be read, which each protocol says in its own words.</summary>
internal readonly record struct PushOutcome
{
    /// <summary>Why the body could not be read; <see cref="BodyStatus.Complete"/> where it could.</summary>
    public BodyStatus Body { get; private init; }

    /// <summary>How many bytes of a body that could not be read had come.</summary>
    public int SentBytes { get; private init; }

    /// <summary>Why the spans were not taken; null where they were, and where the body could not be read.</summary>
    public Refusal? Refusal { get; private init; }

    /// <summary>Spans refused although the rest was taken.</summary>
    public int RejectedSpans { get; private init; }

    /// <summary>Why they were; empty where there is nothing to say.</summary>
    public string Message { get; private init; }

    public static PushOutcome Taken(PushResult result) => new() { RejectedSpans = result.RejectedSpans, Message = result.Message ?? "" };

    public static PushOutcome Unreadable(in ReceivedBody received) => new() { Body = received.Status, SentBytes = received.SentBytes };

    public static implicit operator PushOutcome(Refusal refusal) => new() { Refusal = refusal };
}
