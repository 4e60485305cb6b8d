using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Api;
using OrleansTempo.Silo.Dashboard;

namespace OrleansTempo.Cluster.Dashboard;

public sealed class DashboardRoutesTests : IDisposable
{
    private readonly IHost _host;

    public DashboardRoutesTests()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(static silo => DashboardRoutes.AddServices(silo.UseLocalhostClustering()));
        _host = builder.Build();
    }

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_an_operators_alone_unless_it_is_public(bool isPublic) =>
        Assert.All(DashboardRoutes.Create(_host.Services, isPublic), route => Assert.Equal(isPublic ? [] : route.Methods, route.AdminMethods));

    [Theory]
    [InlineData("/dashboard/", 200, "<title>Orleans Dashboard</title>")]
    [InlineData("/dashboard/index.css", 200, "{")]
    [InlineData("/dashboard/nothing", 404, "")]
    [InlineData("/dashboard/Trace", 403, "disabled")]
    public async Task Its_files_are_below_its_folder_and_its_live_log_is_off(string path, int status, string content)
    {
        var (answered, body) = await AskAsync(path);
        Assert.Equal(status, answered);
        Assert.Contains(content, body);
    }

    private async Task<(int Status, string Body)> AskAsync(string path)
    {
        var routes = DashboardRoutes.Create(_host.Services, isPublic: false);
        Assert.Equal(["/dashboard", "/dashboard/{**}"], routes.Select(static r => r.Path));
        using var body = new MemoryStream();
        var context = new DefaultHttpContext();
        context.Request.Method = HttpMethods.Get;
        context.Request.Path = path;
        context.Response.Body = body;
        await routes[1].Handler(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }
}
