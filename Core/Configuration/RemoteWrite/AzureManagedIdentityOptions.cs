namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>azuread.managed_identity</c>: the identity of the machine, the container or the application.</summary>
public sealed record AzureManagedIdentityOptions
{
    /// <summary>Of a user-assigned identity; the system-assigned one when empty.</summary>
    public string ClientId { get; init; } = "";
}
