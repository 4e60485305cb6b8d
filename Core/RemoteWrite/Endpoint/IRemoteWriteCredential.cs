namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>Authenticates to an endpoint if that takes more than a configured secret. Safe for concurrent use.</summary>
public interface IRemoteWriteCredential
{
    /// <summary>Returns the <c>Authorization</c> header for a request. Called for every attempt, so implementations must cache tokens.</summary>
    /// <exception cref="Exception">It could not sign in; the attempt is retried as if the endpoint could not be reached.</exception>
    ValueTask<string> AuthorizationAsync(CancellationToken cancellation);
}
