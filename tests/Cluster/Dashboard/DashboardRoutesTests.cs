using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansTempo.Server.Api;
using OrleansTempo.Silo.Dashboard;

namespace OrleansTempo.Cluster.Dashboard;

public sealed class DashboardRoutesTests : IDisposable
{
    private const string Page = "/dashboard/index.html";

    private readonly IHost _host;

    public DashboardRoutesTests()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(static silo => DashboardRoutes.AddServices(silo.UseLocalhostClustering()));
        _host = builder.Build();
    }

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("127.0.0.1", 200)]
    [InlineData("::1", 200)]
    [InlineData("::ffff:127.0.0.1", 200)]
    [InlineData("10.0.0.7", 403)]
    [InlineData("2001:db8::1", 403)]
    [InlineData(null, 403)]
    public async Task Callers_on_this_machine_see_it_and_no_others(string? caller, int status)
    {
        var (answered, body) = await AskAsync(isPublic: false, Page, caller);
        Assert.Equal(status, answered);
        Assert.Equal(status == 403, body.Contains("OrleansTempo:Dashboard:Public=true", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("X-Forwarded-For")]
    [InlineData("Forwarded")]
    public async Task Who_comes_by_a_proxy_on_this_machine_is_not_on_it(string header) =>
        Assert.Equal(403, (await AskAsync(isPublic: false, Page, "127.0.0.1", header)).Status);

    [Fact]
    public async Task A_public_one_is_everyones() => Assert.Equal(200, (await AskAsync(isPublic: true, Page, "10.0.0.7", "X-Forwarded-For")).Status);

    [Theory]
    [InlineData("/dashboard/", 200, "<title>Orleans Dashboard</title>")]
    [InlineData("/dashboard/index.css", 200, "{")]
    [InlineData("/dashboard/nothing", 404, "")]
    [InlineData("/dashboard/Trace", 403, "disabled")]
    public async Task Its_files_are_below_its_folder_and_its_live_log_is_off(string path, int status, string content)
    {
        var (answered, body) = await AskAsync(isPublic: false, path, "127.0.0.1");
        Assert.Equal(status, answered);
        Assert.Contains(content, body);
    }

    private async Task<(int Status, string Body)> AskAsync(bool isPublic, string path, string? caller, string? header = null)
    {
        var routes = DashboardRoutes.Create(_host.Services, isPublic);
        Assert.Equal(["/dashboard", "/dashboard/{**}"], routes.Select(static r => r.Path));
        using var body = new MemoryStream();
        var context = new DefaultHttpContext();
        context.Request.Method = HttpMethods.Get;
        context.Request.Path = path;
        context.Connection.RemoteIpAddress = caller is null ? null : IPAddress.Parse(caller);
        if (header is not null)
            context.Request.Headers[header] = "203.0.113.9";
        context.Response.Body = body;
        await routes[1].Handler(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }
}
